/**
 * Trying a change before it is made: a command under rules that are not saved, who would gain or lose access, whether the
 * target of a resource answers.
 *
 * Invariants: nothing is changed; a secret that is stored goes to no other address than the one it is stored for, so that a
 * draft cannot lead it elsewhere (A-API-06); what a target says never reaches the caller.
 */
import type { ApiParts, Handlers } from '../context.ts';
import { type Manifest, manifestSecrets, type ResourceManifest, withManifestSecrets } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { objectsAfter } from '../plan.ts';

type TrialRoute = 'tryCommand' | 'tryAccess' | 'testResource' | 'authority';

export function trialHandlers({ ports, schemas }: ApiParts): Pick<Handlers, TrialRoute> {
  const { configuration, checks, trials } = ports;
  return {
    async tryCommand({ input }) {
      const { documents, ...request } = input.body;
      const { objects, problems } = await objectsAfter(documents, schemas, configuration, checks);
      return {
        problems: problems.map((problem) => ({ ...problem, path: [...problem.path] })),
        explanation: await trials.explain(objects, request),
      };
    },

    async tryAccess({ input, signal }) {
      const { documents = [], delete: gone } = input.body;
      const { objects } = await objectsAfter(documents, schemas, configuration, checks);
      const isLeft = ({ kind, metadata }: Manifest): boolean => kind !== gone?.kind || metadata.name !== gone.name;
      return await trials.reach(objects.filter(isLeft), signal);
    },

    async testResource({ principal, input, signal }) {
      const { name } = input.params;
      const stored = (await configuration.get('Resource', name))?.manifest as ResourceManifest | undefined;
      const { document } = input.body;
      const given = document === undefined ? stored : await draftOf(document, name);
      if (given === undefined) throw apiErrors('api.not-found', { values: { what: 'Resource' } });
      const inline = manifestSecrets(given).filter(({ source }) => source.value !== undefined);
      const secrets = new Map(inline.map(({ path, source }) => [path.replace(/^credential\./, ''), source.value!]));
      // What is not resolved must not look like a secret of the store: it is put in by the port.
      const manifest = withManifestSecrets(given, new Map(inline.map(({ path }) => [path, { store: 'given' }])));
      const isSame = stored !== undefined && sameTarget(stored, given);
      const mayLogIn = isSame || manifestSecrets(given).every(({ source }) => source.value !== undefined);
      const trial = { manifest: manifest as ResourceManifest, secrets, mayLogIn, principal: principal.name, signal };
      return await trials.test(trial);
    },

    async authority() {
      return await trials.authority();
    },
  };

  async function draftOf(document: unknown, name: string): Promise<ResourceManifest> {
    // A rule that would not hold on it is no reason not to try the connection.
    const { given } = await objectsAfter([document], schemas, configuration, { check: async () => [] });
    const manifest = given[0];
    if (manifest?.kind !== 'Resource' || manifest.metadata.name !== name) {
      throw apiErrors('api.invalid', { values: { reason: `the document is not the resource ${name}.` } });
    }
    return manifest;
  }
}

/** The secrets of the one may be shown to the other: the same address, the same way of making sure who it is. */
function sameTarget(stored: ResourceManifest, draft: ResourceManifest): boolean {
  const partsOf = ({ spec, metadata }: ResourceManifest): string => {
    const { protocol, address, tls, credential, host_keys, jump_hosts, channel_binding, allow_authentication } =
      spec as Readonly<Record<string, unknown>>;
    const shown = { protocol, address, tls, credential, host_keys, jump_hosts, channel_binding, allow_authentication };
    return JSON.stringify([metadata.name, shown]);
  };
  return partsOf(stored) === partsOf(draft);
}
