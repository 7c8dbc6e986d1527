/** What the gateway says of itself, and of who may open what. */

import { isInScope } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { manifestJsonSchema, openApiDocument } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';

type SystemRoute =
  | 'listResources'
  | 'explainAccess'
  | 'checkpoint'
  | 'status'
  | 'manifestSchema'
  | 'openapi'
  | 'health'
  | 'readiness'
  | 'metrics';

export function systemHandlers({ ports, schemas, clock, version }: ApiParts): Pick<Handlers, SystemRoute> {
  const manifestSchema = manifestJsonSchema(schemas);
  const openapi = openApiDocument({ version });
  return {
    async listResources({ principal }) {
      const resources = await ports.access.openable(principal);
      return { resources: resources.map((resource) => ({ ...resource })) };
    },

    async explainAccess({ principal, scope, input }) {
      const { query } = input;
      if (scope !== 'all' && query.principal !== principal.name) throw apiErrors('api.forbidden');
      // What is beyond a token looks to it as if it were not there.
      if (!isInScope(principal, query.resource)) {
        const { principal: who, resource } = query;
        return { principal: who, resource, granted: false, stepUp: false, rule: 'none', trace: [], next: [] };
      }
      const explanation = await ports.access.explain(query.principal, query.resource);
      if (scope === 'all') return explanation;
      // Who is not an administrator learns of what lets it in, and of nothing else: not that a resource exists, not its rules.
      const trace = explanation.trace.filter(({ matched }) => matched);
      return explanation.granted ? { ...explanation, trace } : { ...explanation, stepUp: false, rule: 'none', trace };
    },

    async checkpoint() {
      const checkpoint = await ports.status.checkpoint();
      if (checkpoint === null) throw apiErrors('api.no-checkpoint');
      return { mediaType: 'text/plain; charset=utf-8', body: checkpoint };
    },

    async status() {
      const { startedAtMs, liveSessions, listeners, certificates = [], ...facts } = await ports.status.facts();
      return {
        ...facts,
        version,
        startedAt: new Date(startedAtMs).toISOString(),
        uptimeSeconds: Math.max(0, Math.round((clock.now() - startedAtMs) / 1000)),
        listeners: listeners.map((listener) => ({ ...listener })),
        certificates: [...certificates],
        sessions: { live: liveSessions },
      };
    },

    async metrics() {
      return { mediaType: 'text/plain; version=0.0.4; charset=utf-8', body: await ports.status.metrics() };
    },

    async readiness() {
      const reason = ports.status.notReady();
      if (reason !== null) throw apiErrors('api.not-ready', { values: { reason } });
      return { status: 'ready' };
    },

    health: async () => ({ status: 'ok' }),
    manifestSchema: async () => manifestSchema,
    openapi: async () => openapi,
  };
}
