// A service URL may hold a user and a password, and is shown and logged all the same. Pure.

/** A service URL as it may be shown: without the user and password somebody wrote into it. */
export function shownUrl(service: string): string {
  return service.replace(/\/\/[^/]*@/, '//…@');
}
