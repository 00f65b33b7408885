export const checkRuns = async () => {}
