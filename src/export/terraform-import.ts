// Taking over what exists: an import block. Pure.
import { type Block, Expression } from './hcl.ts';

/** `import` of an object; `address` is ours, `id` as the provider wants it. */
export function importBlock(address: string, id: string): Block {
  return { type: 'import', body: { to: new Expression(address), id } };
}
