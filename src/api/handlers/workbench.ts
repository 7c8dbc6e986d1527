/**
 * Working on a resource in the console.
 *
 * Invariant: only a browser's own session opens one, so that a token that was handed on is no second way in; what is narrower than
 * its person (a scope, an agent) opens nothing here.
 */
import { isNarrowed } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { apiErrors } from '../errors.ts';

type WorkbenchRoute = 'openWorkbench' | 'workbenchInput' | 'workbenchResources';

/** Of a terminal, where the browser does not say. */
const columnsDefault = 80;
const rowsDefault = 24;

export function workbenchHandlers({ ports }: ApiParts): Pick<Handlers, WorkbenchRoute> {
  const { workbench } = ports;
  return {
    async openWorkbench({ principal, token, isWeb, source, signal, input }) {
      if (!isWeb || token === null || isNarrowed(principal.authentication)) throw apiErrors('api.web-only');
      const { resource, columns = columnsDefault, rows = rowsDefault } = input.body;
      const entries = await workbench.open({ principal, under: token.id, source, resource, columns, rows, signal });
      if (entries === null) throw apiErrors('api.not-found', { values: { what: 'resource' } });
      return entries;
    },

    async workbenchInput({ principal, isWeb, input }) {
      if (!isWeb) throw apiErrors('api.web-only');
      const { body } = input;
      const given = body.action === 'type' ? { ...body, data: Buffer.from(body.data, 'base64') } : body;
      if (!workbench.input(input.params.id, principal, given)) {
        throw apiErrors('api.not-found', { values: { what: 'open client' } });
      }
      return undefined;
    },

    async workbenchResources() {
      return { protocols: [...workbench.protocols] };
    },
  };
}
