// Tunnel configurations in the edge's database: what was PUT (versioned, pushed to connectors) and what connectors reported.
import type { Clock } from '../../clock.ts';
import { ValidationError } from '../../errors.ts';
import type { EdgeConfiguration } from '../model.ts';
import type { StoreDatabase } from './database.ts';
import { integer, json, type Row, text } from './row.ts';
import { isoTime } from './zones.ts';

/** A configuration with its origin. */
export interface StoredConfiguration extends EdgeConfiguration {
  /** `cloudflare`: written through the API; `local`: reported by a connector. */
  readonly source: 'local' | 'cloudflare';
  readonly createdAt: string;
}

/** Configurations, one of each source per tunnel. */
export interface ConfigurationStore {
  /** What was last PUT, else what a connector last reported. */
  get(tunnelId: string): StoredConfiguration | undefined;
  /** Stores `config` verbatim as the next version (the first is 1) and tells the data plane. */
  put(tunnelId: string, config: unknown): StoredConfiguration;
  /** Remembers what a connector reported; unknown tunnels are ignored. */
  report(tunnelId: string, config: unknown): void;
}

const maxReportedLength = 1_048_576;

/** Configurations on a database. */
export function createConfigurationStore(database: StoreDatabase, clock: Clock): ConfigurationStore {
  function written(tunnelId: string): StoredConfiguration | undefined {
    const row = database.get('SELECT version, config, created_at FROM configuration WHERE tunnel_id = ?', tunnelId);
    return row === undefined ? undefined : configurationOf(row, 'cloudflare');
  }

  function reported(tunnelId: string): StoredConfiguration | undefined {
    const row = database.get(
      'SELECT 0 AS version, config, created_at FROM local_configuration WHERE tunnel_id = ?',
      tunnelId,
    );
    return row === undefined ? undefined : configurationOf(row, 'local');
  }

  function put(tunnelId: string, config: unknown): StoredConfiguration {
    return database.transact((touched) => {
      const version = (written(tunnelId)?.version ?? 0) + 1;
      const createdAt = isoTime(clock.now());
      database.run(
        `INSERT INTO configuration (tunnel_id, version, config, created_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (tunnel_id) DO UPDATE SET version = excluded.version, config = excluded.config,
           created_at = excluded.created_at`,
        tunnelId,
        version,
        JSON.stringify(config),
        createdAt,
      );
      touched.tunnels.add(tunnelId);
      touched.changes.push({ kind: 'configuration', tunnelId });
      return { version, config, source: 'cloudflare', createdAt };
    });
  }

  function report(tunnelId: string, config: unknown): void {
    const serialized = JSON.stringify(config ?? null);
    if (serialized.length > maxReportedLength)
      throw new ValidationError({
        code: 'E_INPUT_INVALID',
        message: `the reported configuration is larger than ${maxReportedLength} characters`,
        where: `tunnel ${tunnelId}`,
      });
    database.run(
      `INSERT INTO local_configuration (tunnel_id, config, created_at)
         SELECT id, ?, ? FROM tunnel WHERE id = ? AND deleted_at IS NULL
         ON CONFLICT (tunnel_id) DO UPDATE SET config = excluded.config, created_at = excluded.created_at`,
      serialized,
      isoTime(clock.now()),
      tunnelId,
    );
  }

  return {
    get: (tunnelId) => written(tunnelId) ?? reported(tunnelId),
    put,
    report,
  };
}

function configurationOf(row: Row, source: 'local' | 'cloudflare'): StoredConfiguration {
  return {
    version: integer(row, 'version'),
    config: json(row, 'config'),
    source,
    createdAt: text(row, 'created_at'),
  };
}
