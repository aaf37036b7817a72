// Service URLs as they are handed on. Pure.

/** Without the user and password somebody may have written into it: no connector sends them, and nobody else should read them. */
export function withoutUser(service: string): string {
  return service.replace(/^([^:/?#]+:\/\/)[^/]*@/, '$1');
}
