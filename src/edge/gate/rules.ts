// Whether a rule of an Access policy is about a visitor: yes, no, or cannot be said, which never lets anybody in. Pure.
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** One selector with its fields, as the store keeps it. */
export type GateRule = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Any of `include`, all of `require`, none of `exclude`. */
export interface GateRules {
  readonly include: readonly GateRule[];
  readonly require: readonly GateRule[];
  readonly exclude: readonly GateRule[];
}

/** Who somebody is once he has logged in. */
export interface GateIdentity {
  /** Lower case. */
  readonly email: string;
  /** The id of the login method that says so. */
  readonly loginMethod: string;
}

/** What is known of a visitor. */
export interface GateVisitor {
  readonly address: string;
  readonly identity: GateIdentity | undefined;
  /** The id of the service token that came with the request and is valid. */
  readonly serviceToken: string | undefined;
}

/** Three-valued: what cannot be evaluated is `unknown`. */
export type Truth = 'yes' | 'no' | 'unknown';

/** Named sets of rules that rules refer to, by id. */
export type GateGroups = ReadonlyMap<string, GateRules>;

/** How deep groups may stand in groups; the store keeps them from going in circles. */
const maxDepth = 16;

/** Whether the rules as a whole are about the visitor. */
export function rulesMatch(rules: GateRules, visitor: GateVisitor, groups: GateGroups, depth = 0): Truth {
  const about = (rule: GateRule) => ruleMatches(rule, visitor, groups, depth);
  return all([any(rules.include.map(about)), ...rules.require.map(about), not(any(rules.exclude.map(about)))]);
}

function ruleMatches(rule: GateRule, visitor: GateVisitor, groups: GateGroups, depth: number): Truth {
  const entries = Object.entries(rule);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return 'unknown';
  const [selector, fields] = entry;
  const { serviceToken } = visitor;
  switch (selector) {
    case 'everyone':
      return 'yes';
    case 'any_valid_service_token':
      return truth(serviceToken !== undefined);
    case 'service_token':
      return truth(serviceToken !== undefined && serviceToken === fields.token_id);
    case 'ip':
      return isInNetwork(visitor.address, fields.ip);
    case 'email':
      return ofPerson(visitor, ({ email }) => email === lower(fields.email));
    case 'email_domain':
      return ofPerson(visitor, ({ email }) => email.slice(email.lastIndexOf('@') + 1) === lower(fields.domain));
    case 'login_method':
      return ofPerson(visitor, ({ loginMethod }) => loginMethod === fields.id);
    case 'group': {
      const group = typeof fields.id === 'string' ? groups.get(fields.id) : undefined;
      return group === undefined || depth >= maxDepth ? 'unknown' : rulesMatch(group, visitor, groups, depth + 1);
    }
    default:
      // Countries, devices, certificates and what somebody else's service would say: this edge cannot tell.
      return 'unknown';
  }
}

/** Of a program that shows its token it is known that it is nobody; of a person who has not logged in, it is not. */
function ofPerson({ identity, serviceToken }: GateVisitor, holds: (identity: GateIdentity) => boolean): Truth {
  if (identity !== undefined) return truth(holds(identity));
  return serviceToken === undefined ? 'unknown' : 'no';
}

function isInNetwork(address: string, network: unknown): Truth {
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined || typeof network !== 'string') return 'unknown';
  const [base = '', bits = ''] = network.split('/');
  const width = isIPv4(base) ? 32 : isIPv6(base) ? 128 : 0;
  if (width === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > width) return 'unknown';
  const list = new BlockList();
  list.addSubnet(base, Number(bits), width === 32 ? 'ipv4' : 'ipv6');
  return truth(list.check(address, family));
}

function lower(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

function truth(value: boolean): Truth {
  return value ? 'yes' : 'no';
}

function not(value: Truth): Truth {
  return value === 'unknown' ? value : truth(value === 'no');
}

function any(values: readonly Truth[]): Truth {
  if (values.includes('yes')) return 'yes';
  return values.includes('unknown') ? 'unknown' : 'no';
}

function all(values: readonly Truth[]): Truth {
  if (values.includes('no')) return 'no';
  return values.includes('unknown') ? 'unknown' : 'yes';
}
