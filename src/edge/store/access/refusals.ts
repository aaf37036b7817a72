// Why the API refuses an Access change: Cloudflare's codes and the dotted words they come with. Pure.
import { type RefusedError, refusal } from '../refusal.ts';

const code = {
  notEnabled: 9999,
  applicationExists: 11_010,
  groupNotLoaded: 11_020,
  applicationUnknown: 11_021,
  applicationIdInvalid: 12_045,
  invalidRequest: 12_130,
  conflict: 12_132,
  notFound: 12_135,
} as const;

/** The account has no Zero Trust organisation yet. */
export function accessNotEnabled(): RefusedError {
  return refusal(
    403,
    code.notEnabled,
    "access.api.error.not_enabled: Access is not enabled. Visit the Access dashboard at https://dash.cloudflare.com/ and click the 'Enable Access' button.",
  );
}

/** What was sent does not hold, and why. */
export function accessInvalid(reason: string): RefusedError {
  return refusal(400, code.invalidRequest, `access.api.error.invalid_request: ${reason}`);
}

/** What was asked for stands against what exists, and how. */
export function accessConflict(reason: string): RefusedError {
  return refusal(409, code.conflict, `access.api.error.conflict: ${reason}`);
}

/** No policy, group, token, identity provider, tag or organisation of that id. */
export function accessNotFound(): RefusedError {
  return refusal(404, code.notFound, 'access.api.error.not_found');
}

/** No application of that id. */
export function applicationUnknown(): RefusedError {
  return refusal(404, code.applicationUnknown, 'access.api.error.unknown_application');
}

/** Not the shape of an application's id at all. */
export function applicationIdInvalid(): RefusedError {
  return refusal(400, code.applicationIdInvalid, 'access.api.error.invalid_application_id');
}

/** Another application already guards this domain. */
export function applicationExists(): RefusedError {
  return refusal(409, code.applicationExists, 'access.api.error.application_already_exists');
}

/** A rule names a group that does not exist. */
export function groupNotLoaded(): RefusedError {
  return refusal(400, code.groupNotLoaded, 'access.api.error.failed_to_load_group');
}
