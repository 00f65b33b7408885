export const checkBooks = () => {}, checkLinks = () => {}, checkPage = () => {}
