// The program's version, from the one place it is written.
import packageJson from '../package.json' with { type: 'json' };

/** As in package.json. */
export const version: string = packageJson.version;
