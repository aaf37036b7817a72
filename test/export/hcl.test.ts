// Terraform's language: any text stays that text, and the layout is the one `terraform fmt` makes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Expression, quoteHcl, renderBlocks, toHcl } from '../../src/export/hcl.ts';
import { noTerraform, runAlone, terraform } from './tools.ts';

/** Texts that mean something to Terraform, to YAML, to a terminal or to nobody. */
const nasty: readonly string[] = [
  '$\x7ba}',
  '$$\x7ba}',
  '$$$\x7ba}',
  '%{ if x }',
  '%%{x}',
  '$',
  '%{',
  '"; }\nresource "x" "y" {',
  'a\\u0024{b}',
  '\\',
  '\t\r\n',
  'ünï©ode 🦊',
  '\u0000\u0007\u007f\u0085\u2028\u202e',
  '\ud800',
  '<<EOT\nx\nEOT',
  '*/ /* # //',
];

describe('a string', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', '"plain"'],
    ['say "hi"\\', '"say \\"hi\\"\\\\"'],
    ['a\nb\tc', '"a\\nb\\tc"'],
    ['$\x7bvar.x}', '"$$\x7bvar.x}"'],
    ['%{for}', '"%%{for}"'],
    ['5 % of $', '"5 % of $"'],
    ['\u0000', '"\\u0000"'],
  ];
  for (const [text, expected] of cases)
    test(`${JSON.stringify(text)} is quoted`, () => assert.equal(quoteHcl(text), expected));

  test('has no line end and begins nothing, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const quoted = quoteHcl(text);
        assert.doesNotMatch(quoted, /[\n\r\u0085\u2028\u2029]|(?<!\$)\$\{|(?<!%)%\{/);
        assert.match(quoted, /^"([^"\\]|\\.)*"$/u);
      }),
    );
  });

  test('is to Terraform the text it was', { skip: noTerraform }, () => {
    const random = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), { numRuns: 300, seed: 7 });
    const texts = [...nasty, ...random];
    const expression = `base64encode(jsonencode([${texts.map(quoteHcl).join(', ')}]))\n`;
    const { stdout, stderr } = runAlone(terraform ?? '', ['console'], expression);
    const read: unknown = JSON.parse(Buffer.from(JSON.parse(String(stdout)), 'base64').toString());
    // Terraform keeps text in Unicode's composed form.
    assert.deepEqual(
      read,
      texts.map((text) => text.toWellFormed().normalize('NFC')),
      String(stderr),
    );
  });
});

const sample = [
  {
    type: 'resource',
    labels: ['a', 'b'],
    comment: ['Two lines', 'of\nremarks'],
    body: {
      id: new Expression('var.id'),
      longer_name: 1,
      list: ['a', new Expression('x.y')],
      nothing: {},
      object: { 'a.b': true, c: [{ d: 1, ee: '2' }], f: [] },
      after: 'x',
      last_one: false,
    },
    blocks: [{ type: 'lifecycle', body: { prevent_destroy: true } }],
  },
  { type: 'empty', body: {} },
];

const expected = `# Two lines
# of·remarks
resource "a" "b" {
  id          = var.id
  longer_name = 1
  list        = ["a", x.y]
  nothing     = {}
  object = {
    "a.b" = true
    c = [
      {
        d  = 1
        ee = "2"
      },
    ]
    f = []
  }
  after    = "x"
  last_one = false

  lifecycle {
    prevent_destroy = true
  }
}

empty {
}
`;

describe('blocks', () => {
  test('line up', () => assert.equal(renderBlocks(sample), expected));

  test('are as `terraform fmt` would write them', { skip: noTerraform }, () => {
    const { status, stdout, stderr } = runAlone(terraform ?? '', ['fmt', '-check', '-diff', '-'], renderBlocks(sample));
    assert.equal(status, 0, `${stdout}${stderr}`);
  });

  test("data of the API becomes values, and what is null or no number isn't there", () => {
    const value = { a: null, b: undefined, c: Number.NaN, d: [1, null, 'x'], e: { f: true, g: null } };
    assert.deepEqual(toHcl(value), { d: [1, 'x'], e: { f: true } });
  });
});
