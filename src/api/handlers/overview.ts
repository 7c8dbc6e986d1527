/**
 * The overview: what happened in a span of time, and what is covered by rules.
 *
 * Invariants: it is made of everybody's doings, so only who may search everybody's is given it; like any search it stands in the
 * journal before it is answered, as the one search that finds what it counts.
 */
import { isGatewayError } from '../../base/errors.ts';
import { actorOf } from '../../core/event.ts';
import type { ResourceSelector } from '../../core/rules.ts';
import type { SearchHit } from '../../core/search.ts';
import { selectsResource } from '../../core/selecting.ts';
import type { ApiParts, Handlers } from '../context.ts';
import type { Manifest } from '../contract/index.ts';
import type { OverviewRange, OverviewView } from '../contract/overview-routes.ts';
import { displayBeginning } from '../display.ts';
import { apiErrors } from '../errors.ts';
import { overviewDownloadsMax, summaryLengthMax } from '../limits.ts';
import type { ApiPorts } from '../ports.ts';

const hourMs = 3_600_000;

/** How far back, and how long a bar is: some fifty of them, whole hours of the day. */
const ranges: Readonly<Record<OverviewRange, { readonly spanMs: number; readonly barMs: number }>> = {
  '24h': { spanMs: 24 * hourMs, barMs: hourMs / 2 },
  '7d': { spanMs: 7 * 24 * hourMs, barMs: 3 * hourMs },
  '30d': { spanMs: 30 * 24 * hourMs, barMs: 12 * hourMs },
};

const ruleKinds = ['Guardrail', 'Mask', 'Detection', 'Access'] as const;

export function overviewHandlers({ ports, clock, record }: ApiParts): Pick<Handlers, 'overview'> {
  return {
    async overview({ principal, scope, input }) {
      if (scope !== 'all') throw apiErrors('api.forbidden');
      const { spanMs, barMs } = ranges[input.query.since];
      const now = clock.now();
      // A whole second, so that the searches that prove a number can be written down.
      const toMs = Math.floor(now / 1000) * 1000 + 1000;
      const fromMs = Math.floor((now - spanMs) / barMs) * barMs;
      const [found, largest, coverage] = await Promise.all([
        ports.search.overview({ fromMs, toMs, barMs }),
        largestOf(ports, fromMs, toMs),
        coverageOf(ports),
      ]);
      const hits = found.bars.reduce(
        (sum, { fates }) => sum + Object.values(fates).reduce((total, count) => total + count, 0),
        0,
      );
      const [since, until] = [iso(fromMs), iso(toMs)];
      const query = `type:command since:${since} until:${until}`;
      await record({ type: 'search.run', principal: actorOf(principal), query, hits, export: null });
      const fired = new Set(found.fired.map(({ name }) => name));
      return {
        since,
        until,
        barSeconds: barMs / 1000,
        isWhole: found.isWhole && largest !== null,
        sessions: found.sessions,
        refusals: found.refusals,
        bars: found.bars.map(({ atMs, fates }) => ({ at: iso(atMs), fates: { ...fates } })),
        denied: { rules: copied(found.deniedRules), people: copied(found.deniedPeople) },
        downloads: largest ?? [],
        resources: copied(found.resources),
        held: { ...found.held },
        coverage: {
          ...coverage,
          rules: coverage.rules.length,
          quiet: coverage.rules.filter(({ name }) => !fired.has(name)),
        },
      };
    },
  };
}

/** Null: there is too much to look through in the time of a search. */
async function largestOf(ports: ApiPorts, fromMs: number, toMs: number): Promise<OverviewView['downloads'] | null> {
  const where = {
    node: 'all',
    of: [
      { node: 'text', field: 'type', glob: 'command' },
      { node: 'number', field: 'bytes', min: 1, max: null },
    ],
  } as const;
  const page = { limit: overviewDownloadsMax, after: null };
  try {
    const { hits } = await ports.search.search({ where, fromMs, toMs, sort: 'bytes' }, 'all', page);
    return hits.flatMap(downloadOf);
  } catch (error) {
    if (isGatewayError(error) && error.code === 'store.search-too-long') return null;
    throw error;
  }
}

function downloadOf({ session, command, atMs, principal, resource, text, rows, bytes }: SearchHit) {
  if (session === null || command === null || bytes === null) return [];
  return [
    {
      session,
      command,
      at: iso(atMs),
      principal: principal?.name ?? '',
      resource: resource ?? '',
      text: displayBeginning(text, summaryLengthMax),
      rows,
      bytes,
    },
  ];
}

/** What is configured now. */
async function coverageOf(ports: ApiPorts) {
  const list = async (kind: Manifest['kind']): Promise<readonly Manifest[]> =>
    (await ports.configuration.list(kind)).map(({ manifest }) => manifest);
  const [resources, ...rules] = await Promise.all([list('Resource'), ...ruleKinds.map(list)]);
  const [guardrails = [], masks = []] = rules;
  const selects = (some: readonly Manifest[], resource: Parameters<typeof selectsResource>[1]): boolean =>
    some.some(
      (rule) =>
        (rule.kind === 'Guardrail' || rule.kind === 'Mask') &&
        selectsResource(rule.spec.match.resources as ResourceSelector | undefined, resource),
    );
  const unguarded: string[] = [];
  const unmasked: string[] = [];
  const bestEffort: string[] = [];
  for (const { kind, metadata, spec } of resources) {
    if (kind !== 'Resource') continue;
    const resource = { name: metadata.name, labels: metadata.labels ?? {}, protocol: spec.protocol };
    if (!selects(guardrails, resource)) unguarded.push(metadata.name);
    if (!selects(masks, resource)) unmasked.push(metadata.name);
    if (spec.recording !== 'strict') bestEffort.push(metadata.name);
  }
  return {
    resources: resources.length,
    unguarded,
    unmasked,
    bestEffort,
    rules: rules
      .flat()
      .filter(isOn)
      .map(({ kind, metadata }) => ({ kind, name: metadata.name })),
  };
}

/** What is switched off finds nothing, and is meant to. */
function isOn(rule: Manifest): boolean {
  return rule.kind !== 'Detection' || rule.spec.mode !== 'off';
}

function copied<T extends object>(values: readonly T[]): T[] {
  return values.map((one) => ({ ...one }));
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
