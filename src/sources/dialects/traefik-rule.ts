// Traefik's rule language, versions 2 and 3: text to a tree of matchers. Pure; the text is anyone's.
import { quote } from '../quote.ts';

/** A rule as a tree. */
export type Rule =
  | { readonly kind: 'matcher'; readonly name: string; readonly args: readonly string[] }
  | { readonly kind: 'not'; readonly of: Rule }
  | { readonly kind: 'and' | 'or'; readonly left: Rule; readonly right: Rule };

/** The tree, or what is wrong with the text. */
export type ParsedRule = { readonly rule: Rule } | { readonly problem: string };

/** Deeper than anyone nests; what a person writes has two or three levels. */
const maxDepth = 32;
const maxTokens = 1_000;

type Token =
  | { readonly kind: 'word' | 'text'; readonly value: string }
  | { readonly kind: '(' | ')' | ',' | '!' | '&&' | '||' };

/** Reads a rule such as ``Host(`a.example.com`) && (PathPrefix(`/x`) || !Method("GET"))``; never throws. */
export function parseRule(text: string): ParsedRule {
  const tokens = tokenize(text);
  if (typeof tokens === 'string') return { problem: tokens };
  if (tokens.length === 0) return { problem: 'it is empty' };
  const parser = new RuleParser(tokens);
  const rule = parser.either(0);
  const problem = parser.problem;
  if (problem !== undefined) return { problem };
  return rule === undefined ? { problem: 'it ends too early' } : { rule };
}

const symbols = ['&&', '||', '(', ')', ',', '!'] as const;

/** The tokens, or what is wrong. */
function tokenize(text: string): readonly Token[] | string {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    if (tokens.length >= maxTokens) return 'it is too long';
    const symbol = symbols.find((one) => text.startsWith(one, at));
    const character = text[at] ?? '';
    if (/\s/.test(character)) at++;
    else if (symbol !== undefined) {
      tokens.push({ kind: symbol });
      at += symbol.length;
    } else if (['`', '"', "'"].includes(character)) {
      const found = quoted(text, at);
      if (found === undefined) return `a ${character} is not closed`;
      tokens.push({ kind: 'text', value: found.value });
      at = found.end;
    } else {
      const word = /^[A-Za-z][A-Za-z0-9]{0,63}/.exec(text.slice(at, at + 65))?.[0];
      if (word === undefined) return `${quote(String.fromCodePoint(text.codePointAt(at) ?? 0))} is out of place`;
      tokens.push({ kind: 'word', value: word });
      at += word.length;
    }
  }
  return tokens;
}

/** Text between quotes; between backticks a backslash is a backslash. */
function quoted(text: string, start: number): { readonly value: string; readonly end: number } | undefined {
  const quote = text[start];
  let value = '';
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return { value, end: at + 1 };
    if (text[at] === '\\' && quote !== '`') at++;
    value += text[at] ?? '';
  }
  return undefined;
}

/** Recursive descent: `||` binds least, then `&&`, then `!`. */
class RuleParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #problem: string | undefined;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** What is wrong, once everything was read; what follows a whole rule is wrong too. */
  get problem(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    return this.#at < this.#tokens.length ? 'there is something behind its end' : undefined;
  }

  either(depth: number): Rule | undefined {
    let left = this.#both(depth);
    while (left !== undefined && this.#take('||')) {
      const right = this.#both(depth);
      left = right === undefined ? undefined : { kind: 'or', left, right };
    }
    return left;
  }

  #both(depth: number): Rule | undefined {
    let left = this.#one(depth);
    while (left !== undefined && this.#take('&&')) {
      const right = this.#one(depth);
      left = right === undefined ? undefined : { kind: 'and', left, right };
    }
    return left;
  }

  #one(depth: number): Rule | undefined {
    if (depth >= maxDepth) return this.#fail('it is nested too deeply');
    if (this.#take('!')) {
      const of = this.#one(depth + 1);
      return of === undefined ? undefined : { kind: 'not', of };
    }
    if (this.#take('(')) {
      const inner = this.either(depth + 1);
      if (inner === undefined) return undefined;
      return this.#take(')') ? inner : this.#fail('a ( is not closed');
    }
    return this.#matcher();
  }

  #matcher(): Rule | undefined {
    const name = this.#value('word');
    if (name === undefined) return this.#fail('a matcher such as Host(`…`) is missing');
    if (!this.#take('(')) return this.#fail(`${name} has no (`);
    const args: string[] = [];
    while (!this.#take(')')) {
      if (args.length > 0 && !this.#take(',')) return this.#fail(`${name} is not closed`);
      const arg = this.#value('text');
      if (arg === undefined) return this.#fail(`what is in ${name}(…) must be in backticks or quotes`);
      args.push(arg);
    }
    return { kind: 'matcher', name: name.toLowerCase(), args };
  }

  #take(kind: Token['kind']): boolean {
    if (this.#tokens[this.#at]?.kind !== kind) return false;
    this.#at++;
    return true;
  }

  #value(kind: 'word' | 'text'): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind !== kind || !('value' in token)) return undefined;
    this.#at++;
    return token.value;
  }

  #fail(problem: string): undefined {
    this.#problem ??= problem;
    return undefined;
  }
}
