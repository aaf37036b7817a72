// The tables of the edge's database, one migration per version; a migration is never edited once released.

/** Written into the file so that another program's database is not mistaken for ours: "SPED". */
export const applicationId = 0x53504544;

/** SQL that brings a file from version N to N + 1; the index is N. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_on TEXT NOT NULL
  ) STRICT;

  CREATE TABLE zone (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_on TEXT NOT NULL
  ) STRICT;

  CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    zone_id TEXT NOT NULL REFERENCES zone (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    proxied INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    comment TEXT,
    tags TEXT NOT NULL,
    priority INTEGER,
    data TEXT,
    settings TEXT NOT NULL,
    created_on TEXT NOT NULL,
    modified_on TEXT NOT NULL
  ) STRICT;
  CREATE INDEX record_by_zone ON record (zone_id, name);
  CREATE INDEX record_by_name ON record (name);

  CREATE TABLE tunnel (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    config_src TEXT NOT NULL CHECK (config_src IN ('local', 'cloudflare')),
    created_at TEXT NOT NULL,
    deleted_at TEXT,
    conns_active_at TEXT,
    conns_inactive_at TEXT
  ) STRICT;
  CREATE UNIQUE INDEX live_tunnel_by_name ON tunnel (name) WHERE deleted_at IS NULL;

  CREATE TABLE configuration (
    tunnel_id TEXT PRIMARY KEY REFERENCES tunnel (id),
    version INTEGER NOT NULL,
    config TEXT NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE local_configuration (
    tunnel_id TEXT PRIMARY KEY REFERENCES tunnel (id),
    config TEXT NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE access_object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (kind, id)
  ) STRICT;

  CREATE TABLE access_client_secret (
    token_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (token_id, version)
  ) STRICT;

  CREATE TABLE access_ca (
    app_id TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    private_key TEXT NOT NULL
  ) STRICT;

  CREATE TABLE quick_tunnel (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tunnel_id TEXT NOT NULL UNIQUE REFERENCES tunnel (id),
    zone_id TEXT NOT NULL REFERENCES zone (id),
    hostname TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE access_provider_secret (
    provider_id TEXT PRIMARY KEY,
    client_secret TEXT NOT NULL
  ) STRICT;

  CREATE TABLE access_signing_key (
    kid TEXT PRIMARY KEY,
    private_key TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  `,
];
