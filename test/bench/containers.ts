// Containers as an imitated engine lists them. Pure.
import type { FakeContainer } from '../fakes/docker-engine.ts';

/** So many containers that are to be published, each with a loopback address of its own, where nobody listens. */
export function labelledContainers(count: number, prefix = 'app'): FakeContainer[] {
  return Array.from({ length: count }, (_, n) => ({
    name: `${prefix}-${n}`,
    image: `example/${prefix}-${n}:1`,
    labels: {
      'sallyport.enable': 'true',
      'com.docker.compose.project': prefix,
      'com.docker.compose.service': `${prefix}-${n}`,
    },
    networks: { bridge: `127.18.${n >> 8}.${n & 255}` },
    ports: [{ port: 8080 }],
  }));
}

/** So many that nobody asked to publish. */
export function otherContainers(count: number): FakeContainer[] {
  return labelledContainers(count, 'other').map((container) => ({ ...container, labels: { maintainer: 'nobody' } }));
}
