/** An agent that acts for a person does what that person never does. */
import type { Finding, Observation, ObservedPrincipal } from '../detector.ts';
import { Familiarity } from './familiarity.ts';
import { addMoment, behaviourOf, dayMs, define, found, type Moments, nameOf, nothing, sequencesOf } from './kit.ts';
import { principalsMax } from './limits.ts';

/** What an agent may read without being remarkable; everything else counts by its own word. */
const harmless: ReadonlySet<string> = new Set([
  'read',
  'transaction',
  'session-change',
  'list',
  'get',
  'watch',
  'lock',
  'stat',
]);

export const agentOutOfCharacter = define({
  name: 'agent-out-of-character',
  title: 'Agent out of character',
  explanation:
    'Compares what an agent does for a person with what the person does by itself, with what this agent has done for it before, and with ' +
    'what the same agent does for others: resources it opens, effects it has there beyond reading, and tables it touches. A resource or ' +
    'an effect that none of these know is reported at once, tables only when several are new within a day. An agent that was told to do ' +
    'something by what it read (prompt injection) looks like this. What commonly sets it off wrongly is a person who delegates a new duty ' +
    'from the first day on. Agents that act for nobody are watched by the other detectors, as services are.',
  techniques: ['T1059', 'T1199'],
  tuning: {
    historyDays: {
      default: 6,
      meaning: 'Days of activity of the person, and of the agent, before anything counts.',
      min: 1,
      max: 90,
    },
    tables: { default: 3, meaning: 'Tables, routes and the like that must be new within a day.', min: 1, max: 100 },
    forgiveDays: {
      default: 7,
      meaning: 'Days after a report from when on going on with it is usual.',
      min: 1,
      max: 90,
    },
  },
  create: (tuned, memory) => {
    const options = { historyDays: tuned.historyDays, forgetDays: 60, forgiveDays: tuned.forgiveDays, peersShare: 0.1 };
    const people = new Familiarity(memory, options, 'people');
    const agents = new Familiarity(memory, options, 'agents');
    const tables = memory.map<Moments>('tables', principalsMax);

    /** What of it nobody knows, apart from tables; and tables. */
    const strange = (
      observation: Observation,
      principal: ObservedPrincipal,
    ): { strong: string[]; weak: string[]; days: number } => {
      const person = { ...principal, agents: [] };
      const alike = { ...principal, groups: principal.agents.map((name) => `agent ${name}`) };
      const result = { strong: [] as string[], weak: [] as string[], days: 0 };
      for (const feature of featuresOf(observation)) {
        const standing = agents.see(alike, feature, observation.atMs);
        result.days = standing.historyDays;
        if (standing.is !== 'novel') continue;
        if (people.knows(person, feature)) agents.accept(alike, feature, observation.atMs);
        else (feature.startsWith('touches') ? result.weak : result.strong).push(feature);
      }
      return result;
    };

    return {
      observe: (observation): readonly Finding[] => {
        const { principal, atMs, sequence, activity } = observation;
        const { type } = activity.event;
        if (principal === null || (type !== 'session.opened' && type !== 'command.intent')) return nothing;
        if (principal.agents.length === 0) {
          // Peers do not matter: what the person does by itself is learned as it is.
          if (principal.kind !== 'person') return nothing;
          const alone = { ...principal, groups: [] };
          for (const feature of featuresOf(observation)) {
            if (people.see(alone, feature, atMs).is === 'novel') people.accept(alone, feature, atMs);
          }
          return nothing;
        }
        if (principal.kind !== 'person') return nothing;
        const { strong, weak } = strange(observation, principal);
        const moments = tables.take(behaviourOf(principal), () => []);
        for (const one of weak) addMoment(moments, atMs, sequence, one, dayMs);
        const isMany = weak.length > 0 && moments.length >= tuned.tables;
        if (strong.length === 0 && !isMany) return nothing;
        const what = strong[0] ?? weak[0]!;
        const summary = `${nameOf(principal)} ${what}, which ${principal.name} does not, nor did this agent before.`;
        const facts = { feature: what, newTables: moments.length };
        const evidence = strong.length > 0 ? [] : sequencesOf(moments);
        return [found(observation, { group: behaviourOf(principal), summary, evidence, facts })];
      },
    };
  },
});

function featuresOf({ activity: { event }, resource }: Observation): readonly string[] {
  if (event.type === 'session.opened') return [`opens ${event.resource}`];
  if (event.type !== 'command.intent' || event.facts === undefined) return [];
  const features: string[] = [];
  for (const effect of event.facts.effects) {
    if (!harmless.has(effect)) features.push(`does ${effect} on ${resource}`);
  }
  for (const [kind, access, name] of event.facts.touches) {
    if (kind === 'table' || kind === 'route' || kind === 'operation') features.push(`touches ${name} of ${resource}`);
    if (kind === 'object') features.push(`touches ${name.split('/').slice(0, 2).join('/')} of ${resource}`);
    if (kind === 'program') features.push(`touches ${name} of ${resource}`);
    if (kind === 'host' && access === 'use') features.push(`reaches ${name} from ${resource}`);
  }
  return features;
}
