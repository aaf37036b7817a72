// Which labels count, and which came with a container's image: its makers may say how it is spoken to, not whose name it takes. Pure.
import type { Diagnostic } from '../model.ts';
import { isForeignLabel } from './dialects/registry.ts';
import type { ContainerView } from './docker-container.ts';
import type { LabelPolicy } from './docker-labels.ts';
import { quote } from './quote.ts';

/** Whether it matters which of its labels are its image's: it asks for a name, or another tool's labels count. */
export function needsImage(container: ContainerView, policy: LabelPolicy): boolean {
  return container.imageId !== '' && Object.keys(container.labels).some((key) => names(key, policy));
}

/** The labels of `GET /images/<id>/json`; none when it says none. */
export function readImageLabels(raw: unknown, prefix: string): Readonly<Record<string, string>> {
  const config = typeof raw === 'object' && raw !== null && 'Config' in raw ? raw.Config : undefined;
  return typeof config === 'object' && config !== null && 'Labels' in config ? pickLabels(config.Labels, prefix) : {};
}

/** The container without the names its image asks for, which are kept beside. */
export function withoutImageNames(
  container: ContainerView,
  image: Readonly<Record<string, string>> | undefined,
  policy: LabelPolicy,
): ContainerView {
  if (image === undefined) return container;
  const isImages = ([key, value]: readonly [string, string]) =>
    names(key, policy) && Object.hasOwn(image, key) && image[key] === value;
  const all = Object.entries(container.labels);
  const fromImage = all.filter(isImages).map(([key]) => key);
  if (fromImage.length === 0) return container;
  return { ...container, labels: Object.fromEntries(all.filter((label) => !isImages(label))), fromImage };
}

/** What is said of those names. */
export function imageFindings(container: ContainerView): readonly Diagnostic[] {
  const [first, ...others] = container.fromImage ?? [];
  if (first === undefined) return [];
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const message = `container ${container.name}: label ${quote(first)}${more} came with its image, which may not choose names: ignored`;
  return [
    {
      severity: 'warning',
      code: 'E_LABEL_NOT_ALLOWED',
      message,
      hint: 'write it on the container if you want it, and leave it out of the image if that is yours',
    },
  ];
}

/** `<prefix>.hostname`, `<prefix>.<entry>.hostname`, and whatever another tool whose labels count may take for a name. */
function names(key: string, { prefix, dialects = [] }: LabelPolicy): boolean {
  if (key.startsWith(`${prefix}.`)) return key.endsWith('.hostname');
  return dialects.length > 0 && isForeignLabel(key);
}

/** Compose's and Swarm's own: they say what a container belongs to. */
const keptPrefixes: readonly string[] = ['com.docker.compose.', 'com.docker.swarm.'];

/** Of a container's or an image's labels those that mean something here. */
export function pickLabels(raw: unknown, prefix: string): Readonly<Record<string, string>> {
  if (typeof raw !== 'object' || raw === null) return {};
  const kept = Object.entries(raw).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' &&
      (entry[0].startsWith(prefix) ||
        keptPrefixes.some((kept) => entry[0].startsWith(kept)) ||
        isForeignLabel(entry[0])),
  );
  return Object.fromEntries(kept);
}
