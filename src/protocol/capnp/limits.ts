// What a peer may make us read. Pure.

/** Bounds on one Cap'n Proto message. */
export interface Limits {
  readonly maxSegments: number;
  /** Of all segments together. */
  readonly maxMessageBytes: number;
  /** How deep pointers may nest. */
  readonly maxDepth: number;
}

/** 512 segments as capnproto2 allows; far below its 64 MiB, yet above the configuration of any tunnel we can imagine. */
export const defaultLimits: Limits = { maxSegments: 512, maxMessageBytes: 8 * 1024 * 1024, maxDepth: 32 };
