// What keeps a service from being published, in words: one function per finding. Pure.
import type { Diagnostic, Port, Service } from '../model.ts';

/** A finding, before the service is added to it. */
export type Finding = Omit<Diagnostic, 'serviceId'>;

/** No port is plain enough to route to. */
export function noPort(service: Service, label: string): Finding {
  const ports = service.ports.filter((port) => port.protocol === 'tcp');
  const message =
    ports.length === 0
      ? `${service.name} declares no port`
      : `${service.name} has several ports and none is plain: ${describePorts(ports)}`;
  return { severity: 'error', code: 'E_NO_PORT', message, hint: `name one with ${label}` };
}

/** Only ports are open that are never taken by themselves. */
export function portAvoided(service: Service, app: string, label: string): Finding {
  return {
    severity: 'error',
    code: 'E_NO_PORT',
    message: `${service.name} opens only ports of ${app} that are not for visitors: ${describePorts(service.ports)}`,
    hint: `open its usual port, or name one with ${label} if it must be`,
  };
}

/** The port asked for is not among the published ones, and only those can be reached. */
export function portNotPublished(service: Service, port: number): Finding {
  return {
    severity: 'error',
    code: 'E_NO_PORT',
    message: `${service.name} is reached through its published ports, and ${port} is none of them: ${describePorts(service.ports)}`,
    hint: `publish port ${port}, or put both containers on one network`,
  };
}

function describePorts(ports: readonly Port[]): string {
  const shown = ports.slice(0, 12).map((port) => port.target ?? port.number);
  return shown.join(', ') + (ports.length > shown.length ? ', …' : '');
}

/** Nothing says how to reach it; the source has said why where it could. */
export function noAddress(service: Service): Finding {
  return {
    severity: service.hints.enable === true ? 'error' : 'info',
    code: 'E_NO_ADDRESS',
    message: `${service.name} ${service.unreachable?.reason ?? 'has no address this program can reach'}`,
    hint: service.unreachable?.hint ?? 'put both on one network, or publish its port',
  };
}

/** Labels are there, but nothing says it is to be published. */
export function notEnabled(service: Service, prefix: string): Finding {
  return {
    severity: 'info',
    code: 'W_NOT_ENABLED',
    message: `${service.name} has labels, but none that publishes it`,
    hint: `add ${prefix}.enable=true`,
  };
}

/** Everything is published but this, which nobody should publish without meaning to. */
export function neverByItself(service: Service, prefix: string): Finding {
  return {
    severity: 'info',
    code: 'W_NOT_ENABLED',
    message: `${service.name} is left out of "expose: all": it is not meant for the internet`,
    hint: `if it must be reachable, name a policy on it: ${prefix}.access=<policy>`,
  };
}

/** Nobody wrote who may see it. */
export function noPolicy(service: Service, why: string, hint: string): Finding {
  return {
    severity: service.source === 'builtin' ? 'info' : 'error',
    code: 'E_NO_POLICY',
    message: `${service.name} is not published: ${why}`,
    hint,
  };
}

/** A label asks for what the settings keep to themselves. */
export function notAllowed(service: Service, what: string, setting: string, severity: 'error' | 'warning'): Finding {
  return {
    severity,
    code: 'E_LABEL_NOT_ALLOWED',
    message: `${service.name}: ${what}`,
    hint: `a label may ask for this only where the settings say ${setting}: true`,
  };
}

/** The plugin cannot be used, so nobody knows how open this may be. */
export function pluginUnusable(service: Service, plugin: string, problem: string): Finding {
  return {
    severity: 'error',
    code: 'E_PLUGIN_INVALID',
    message: `${service.name} is not published: the plugin ${plugin} cannot be used: ${problem}`,
    hint: 'mend the plugin, or remove its folder',
  };
}

/** The plugin's code threw or returned nonsense. */
export function pluginFailed(service: Service, plugin: string, why: string, kept: boolean): Finding {
  const outcome = kept ? 'its last entries stay' : 'it is not published';
  return {
    severity: 'error',
    code: 'E_PLUGIN_FAILED',
    message: `the plugin ${plugin} failed on ${service.name}, ${outcome}: ${why}`,
    hint: 'mend the plugin, or remove its folder',
  };
}

/** What a plugin's code wants its user to know. */
export function pluginWarning(plugin: string, message: string): Finding {
  return { severity: 'warning', code: 'W_PLUGIN', message: `${plugin}: ${message.slice(0, 500)}` };
}

/** A written value that fits no service. */
export function labelInvalid(service: Service, what: string, hint: string): Finding {
  return { severity: 'error', code: 'E_LABEL_INVALID', message: `${service.name}: ${what}`, hint };
}
