/** PostgreSQL: what others may import. */
import type { Protocol } from '../../core/protocol.ts';
import { loadSqlParser } from '../../language/index.ts';
import { Catalogs } from './catalog.ts';
import { analyseFor } from './context-outside.ts';
import { preview } from './estimate.ts';
import { inspections } from './inspection.ts';
import * as limits from './limits.ts';
import type { LoginOptions } from './login.ts';
import { probe } from './probe.ts';
import { PostgresServer } from './server.ts';
import { upstreamSettingDefinitions } from './upstream-settings.ts';
import { renderValue } from './values.ts';
import { PostgresWorkbench } from './workbench.ts';

export interface PostgresOptions {
  /** How clients prove who they are where they do not choose: SCRAM, or the token in clear inside TLS. */
  readonly clientAuthentication?: LoginOptions['authentication'];
}

/** Makes the protocol. */
export function createPostgres(options: PostgresOptions = {}): Protocol {
  const catalogs = new Catalogs();
  return {
    name: 'postgres',
    title: 'PostgreSQL',
    defaultPort: 5432,
    settings: {
      ...upstreamSettingDefinitions,
      idle_timeout: {
        type: 'integer',
        description: 'Seconds without anything passing after which a session ends.',
        default: limits.idleTimeoutSecondsDefault,
        minimum: 1,
        maximum: 2_147_483,
      },
    },
    // Messages without a command of their own. Bind is not among them: it goes with its Execute's command or with one
    // of its own. CopyFail and Describe are also what the gateway itself sends in a refusal.
    housekeeping: ['Describe', 'Close', 'Sync', 'Flush', 'CopyData', 'CopyDone', 'CopyFail', 'Terminate'],
    inspections,
    preview,
    capabilities: {
      assurance: 'exact',
      languages: ['sql'],
      verbs: ['query', 'prepare', 'bind', 'execute'],
      rowEstimates: true,
      holds: true,
      masks: true,
      limits: true,
    },
    load: () => loadSqlParser(),
    analyse: (text, resource) => analyseFor(text, catalogs.of(resource)),
    probe,
    workbench: { takes: 'statements', open: (opening) => new PostgresWorkbench(opening) },
    createServer: (context) =>
      new PostgresServer(context, { authentication: options.clientAuthentication ?? 'scram' }, catalogs),
    renderCell: (cell, type, format) => renderValue(cell, Number(type) || 0, format),
  };
}
