// The TLS names an edge certificate must carry; cloudflared verifies these and never the name it dialled.

/** SNI and verified name of the HTTP/2 tunnel port. */
export const edgeServerName = 'h2.cftunnel.com';

/** SNI and verified name of the connectivity probes newer connectors make before they register. */
export const probeServerName = 'probe.cftunnel.com';
