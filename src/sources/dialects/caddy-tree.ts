// caddy-docker-proxy's labels as the Caddyfile they stand for: sites with directives inside each other. Pure.
import type { ForeignLabels } from './foreign-labels.ts';

/** One directive: its name without the order in front and the number behind, its arguments, and what is inside. */
export interface Directive {
  readonly name: string;
  readonly key: string;
  readonly args: string;
  readonly inside: readonly Directive[];
}

/** Deeper than any Caddyfile is nested. */
const maxDepth = 8;

/** The sites `caddy`, `caddy_0`, …, each with its address as arguments. */
export function caddySites(labels: ForeignLabels): readonly Directive[] {
  const root = newNode('');
  for (const key of labels.keys) {
    const segments = key.split('.');
    if (!/^caddy(?:_\d{1,9})?$/.test(segments[0] ?? '') || segments.length > maxDepth) continue;
    let node = root;
    for (const [depth, segment] of segments.entries()) {
      node = childOf(node, segment, segments.slice(0, depth + 1).join('.'));
    }
    node.args = labels.get(key) ?? '';
  }
  return [...root.inside.values()].map(directiveOf);
}

interface Node {
  readonly key: string;
  args: string;
  readonly inside: Map<string, Node>;
}

function newNode(key: string): Node {
  return { key, args: '', inside: new Map() };
}

function childOf(node: Node, segment: string, key: string): Node {
  const known = node.inside.get(segment);
  if (known !== undefined) return known;
  const fresh = newNode(key);
  node.inside.set(segment, fresh);
  return fresh;
}

function directiveOf(node: Node): Directive {
  const name = plainName(node.key.slice(node.key.lastIndexOf('.') + 1));
  return { name, key: node.key, args: node.args, inside: [...node.inside.values()].map(directiveOf) };
}

/** `1_reverse_proxy_2` is a `reverse_proxy`. */
function plainName(segment: string): string {
  return segment.replace(/^\d{1,9}_/, '').replace(/_\d{1,9}$/, '');
}
