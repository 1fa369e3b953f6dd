/** What is packed is larger than the bound. */
export class TooLarge extends Error {}
