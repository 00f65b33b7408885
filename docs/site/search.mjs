export const searchScript = () => ''
