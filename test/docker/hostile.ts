// What an image made to do harm would say of itself, label by label, for the test that runs such images.

/** What a hostile image is after, and the labels it tries it with. */
export interface Attack {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Ports of ours it would like to be led to. */
export interface Targets {
  readonly webPort: number;
  readonly apiPort: number;
  readonly httpPort: number;
  readonly tunnelPort: number;
}

const big = 'x'.repeat(100_000);
const many = Object.fromEntries(
  Array.from({ length: 3_000 }, (_, index) => [`sallyport.e${index}.hostname`, `h${index}`]),
);

/** Attacks on the names, rules and records of others; `victim` and `open` are theirs. */
export function attacks(zone: string, ports: Targets): readonly Attack[] {
  const at = (service: string) => ({ 'sallyport.service': service });
  return [
    {
      name: 'newlines',
      labels: { 'sallyport.hostname': `a\nvictim.${zone}`, 'sallyport.path': '/\n/', 'sallyport.port': '80\n81' },
    },
    {
      name: 'headers',
      labels: {
        'sallyport.hostname': `x\r\nSet-Cookie: a=b.${zone}`,
        'sallyport.origin.httpHostHeader': `victim.${zone}\r\nX-Admin: 1`,
        'sallyport.origin.originServerName': 'a\r\nb',
      },
    },
    {
      name: 'large',
      labels: Object.fromEntries(
        [
          'hostname',
          'path',
          'service',
          'access',
          'port',
          'network',
          'plugin',
          'origin.httpHostHeader',
          big.slice(0, 5_000),
        ].map((key) => [`sallyport.${key}`, big]),
      ),
    },
    { name: 'many', labels: many },
    {
      name: 'prototype',
      labels: {
        'sallyport.__proto__.hostname': `victim.${zone}`,
        'sallyport.__proto__.enable': 'true',
        'sallyport.constructor.prototype.access': 'public',
        'sallyport.toString.hostname': 'hasOwnProperty',
        'sallyport.origin.__proto__': 'x',
        __proto__: 'x',
        'sallyport.constructor.hostname': `constructor.${zone}`,
      },
    },
    { name: 'thief', labels: { 'sallyport.hostname': `victim.${zone}` } },
    { name: 'thief-short', labels: { 'sallyport.hostname': 'victim' } },
    { name: 'thief-case', labels: { 'sallyport.hostname': `VICTIM.${zone.toUpperCase()}.` } },
    { name: 'thief-path', labels: { 'sallyport.hostname': `victim.${zone}`, 'sallyport.path': '^/login' } },
    { name: 'thief-wild', labels: { 'sallyport.hostname': `*.${zone}` } },
    {
      name: 'thief-entries',
      labels: {
        'sallyport.a.hostname': `victim.${zone}`,
        'sallyport.b.hostname': `open.${zone}`,
        'sallyport.c.hostname': zone,
        'sallyport.d.hostname': `open.${zone}`,
        'sallyport.d.path': '/',
      },
    },
    {
      name: 'thief-compose',
      labels: {
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'victim',
        'sallyport.hostname': `victim.${zone}`,
      },
    },
    { name: 'elsewhere', labels: { 'sallyport.hostname': 'login.example.com' } },
    { name: 'metadata', labels: at('http://169.254.169.254/latest/meta-data') },
    { name: 'own-api', labels: at(`http://127.0.0.1:${ports.apiPort}`) },
    { name: 'own-page', labels: at(`http://localhost:${ports.webPort}`) },
    { name: 'own-edge', labels: at(`http://[::ffff:127.0.0.1]:${ports.httpPort}`) },
    { name: 'own-tunnel', labels: at(`https://0x7f000001:${ports.tunnelPort}`) },
    { name: 'socket', labels: at('unix:/var/run/docker.sock') },
    { name: 'bastion', labels: at('bastion') },
    { name: 'socks', labels: at('socks-proxy') },
    {
      name: 'bombs',
      labels: {
        'sallyport.path': '(((a{100}){100}){100}){100}',
        'sallyport.b.path': '^(a+)+$',
        'sallyport.b.hostname': 'bombs-b',
        'sallyport.c.path': `(${'a|'.repeat(500)}b)*{900}`,
        'sallyport.c.hostname': 'bombs-c',
        'sallyport.plugin': '*'.repeat(200),
      },
    },
    {
      name: 'opener',
      labels: {
        'sallyport.access': 'public',
        'sallyport.access.bypass': '/',
        'sallyport.b.access': 'mallory@example.com',
        'sallyport.b.hostname': 'opener-b',
      },
    },
    {
      name: 'unguard',
      labels: {
        'sallyport.origin.access.required': 'false',
        'sallyport.origin.noTLSVerify': 'true',
        'sallyport.origin.caPool': '/etc/shadow',
        'sallyport.origin.proxyAddress': '169.254.169.254',
        'sallyport.origin.bastionMode': 'true',
      },
    },
    {
      name: 'markup',
      labels: {
        'sallyport.<script>alert(1)</script>': 'x',
        'sallyport.hostname': '"><img src=x onerror=alert(1)>',
        'sallyport.plugin': '</td><script>',
        'sallyport.\u001b]0;owned\u0007': '\u001b[2J',
        'sallyport.port': '\u202e08',
      },
    },
    {
      name: 'foreign',
      labels: {
        'traefik.enable': 'true',
        'traefik.http.routers.x.rule': `Host(\`victim.${zone}\`) || ${'('.repeat(5_000)}`,
        'traefik.http.services.x.loadbalancer.server.url': 'http://169.254.169.254',
        'dockflare.hostname': `victim.${zone}`,
        'cloudflare.tunnel.hostname': `victim.${zone}`,
        caddy: `victim.${zone}`,
        'caddy.reverse_proxy': '169.254.169.254',
        'homepage.href': `https://victim.${zone}`,
      },
    },
  ];
}
