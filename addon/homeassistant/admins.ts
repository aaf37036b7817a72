// Who administers Home Assistant: asked of it when somebody wants to change something, because ingress only says who he is.
import { AppError } from '../../src/errors.ts';
import { type CoreSocketOptions, openCoreSocket } from './core-socket.ts';
import { isRecord } from './shapes.ts';

/** Whether the user is an active administrator; undefined when Home Assistant cannot be asked. Never rejects. */
export async function isAdministrator(at: CoreSocketOptions, userId: string): Promise<boolean | undefined> {
  try {
    const socket = await openCoreSocket(at, AbortSignal.timeout(at.timeoutMs ?? 5_000));
    try {
      return isAdminAmong(await socket.command('config/auth/list'), userId);
    } finally {
      socket.close();
    }
  } catch (error) {
    // Whoever cannot be known changes nothing.
    if (error instanceof AppError || (error instanceof DOMException && error.name === 'TimeoutError')) return undefined;
    throw error;
  }
}

/** The same, given Home Assistant's list of users. */
export function isAdminAmong(users: unknown, userId: string): boolean | undefined {
  if (!Array.isArray(users)) return undefined;
  const user = users.filter(isRecord).find(({ id }) => id === userId);
  if (user === undefined || user.is_active !== true || user.system_generated === true) return false;
  return user.is_owner === true || (Array.isArray(user.group_ids) && user.group_ids.includes('system-admin'));
}
