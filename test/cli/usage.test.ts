// Command lines that are wrong: one line that says so, exit code 2, and nothing on stdout.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sallyport } from './command.ts';

describe('a wrong command line', () => {
  const cases: readonly [args: string, says: RegExp][] = [
    ['nope', /unknown command 'nope': see `sallyport --help`/],
    ['srevices', /unknown command 'srevices': did you mean services\?/],
    ['settings chek', /unknown command 'chek': did you mean check\?/],
    ['--nope', /unknown option '--nope'/],
    ['run --nope', /unknown option '--nope'/],
    ['plan --detailed-exitcod', /unknown option '--detailed-exitcod': did you mean --detailed-exitcode\?/],
    ['services a b', /too many arguments for 'services'/],
    ['apply everything', /too many arguments for 'apply'/],
    ['ingress rule', /missing required argument 'url'/],
    ['plugins check', /missing required argument 'dir'/],
    ['--settings', /option '--settings <file>' argument missing/],
    ['--log-level loud services', /'loud' is invalid.*trace, debug, info, warn, error/],
    ['--edge nowhere plan', /'nowhere' is invalid.*edge\.example\.com:7844/],
    ['--api-url ftp://x plan', /'ftp:\/\/x' is invalid.*https:/],
    ['access ssh', /required option '--hostname <name>' not specified/],
    ['access ssh --hostname a_!b', /'a_!b' is invalid.*ssh\.example\.com/],
  ];
  for (const [args, says] of cases)
    test(`\`${args}\` is one error and exit code 2`, async () => {
      const { stdout, stderr, exit } = await sallyport(...args.split(' '));
      assert.equal(exit, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^error E_USAGE: .*\n$/);
      assert.match(stderr, says);
    });

  test('without any command there is help, on stderr, and exit code 2', async () => {
    const { stdout, stderr, exit } = await sallyport();
    assert.deepEqual([stdout, exit], ['', 2]);
    assert.match(stderr, /^Usage: sallyport/);
  });

  for (const args of ['--help', 'help', 'plan --help', '--version'])
    test(`\`${args}\` is no mistake`, async () => {
      const { stdout, stderr, exit } = await sallyport(...args.split(' '));
      assert.deepEqual([stderr, exit], ['', 0]);
      assert.notEqual(stdout, '');
    });
});
