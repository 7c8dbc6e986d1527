/** Proofs of identity that failed: many of one login, many from one source, one source over many logins. */
import type { Finding, Observation } from '../detector.ts';
import {
  addMoment,
  define,
  distinctOf,
  figure,
  found,
  hourMs,
  type Moments,
  minuteMs,
  nothing,
  sequencesOf,
} from './kit.ts';
import { principalsMax, sourcesMax } from './limits.ts';

interface Watched {
  moments: Moments;
  quietUntilMs: number;
}

export const failedLogins = define({
  name: 'failed-logins',
  title: 'Failed logins',
  explanation:
    'Counts refused proofs of identity in three ways: of one login (guessing a password), from one source (a broken or hostile ' +
    'client), and different logins from one source (spraying one password over many names), the last over a long window too, so ' +
    'that a slow spray is found. Logins that have succeeded from the same source before do not count towards a spray: behind an ' +
    'office address people mistype every morning. An expired token of a pipeline sets off the first two; its login is in the evidence. ' +
    'If a login succeeds right after failing often, the summary says so: treat the account as taken over.',
  techniques: ['T1110.001', 'T1110.003'],
  tuning: {
    minutes: { default: 10, meaning: 'Length of the short window, in minutes.', min: 1, max: 1440 },
    ofLogin: { default: 8, meaning: 'Failures of one login within the short window.', min: 2, max: 500 },
    ofSource: { default: 30, meaning: 'Failures from one source within the short window.', min: 2, max: 500 },
    logins: { default: 5, meaning: 'Different logins from one source within the short window.', min: 2, max: 500 },
    hours: { default: 24, meaning: 'Length of the long window, in hours.', min: 1, max: 168 },
    loginsSlowly: { default: 6, meaning: 'Different logins from one source within the long window.', min: 2, max: 500 },
    beforeSuccess: {
      default: 6,
      meaning: 'Failures of one login within the long window that make its success worth an alert.',
      min: 2,
      max: 500,
    },
  },
  create: (tuned, memory) => {
    const byLogin = memory.map<Watched>('by-login', principalsMax);
    const bySource = memory.map<Watched>('by-source', sourcesMax);
    const slow = memory.map<Watched>('slow', sourcesMax);
    const known = memory.map<number>('known', principalsMax * 2);
    const shortMs = tuned.minutes * minuteMs;
    const longMs = tuned.hours * hourMs;
    const fresh = (): Watched => ({ moments: [], quietUntilMs: 0 });

    const failed = (observation: Observation, source: string, login: string): readonly Finding[] => {
      const { atMs, sequence } = observation;
      const ofLogin = byLogin.take(login, fresh);
      const ofSource = bySource.take(source, fresh);
      addMoment(ofLogin.moments, atMs, sequence, source, longMs);
      addMoment(ofSource.moments, atMs, sequence, login, shortMs);
      const results: Finding[] = [];
      const report = (watched: Watched, group: string, evidence: Moments, summary: string): void => {
        if (atMs < watched.quietUntilMs) return;
        watched.quietUntilMs = atMs + shortMs;
        const facts = { failures: evidence.length, logins: group.startsWith('login') ? 1 : distinctOf(evidence) };
        results.push(found(observation, { group, summary, evidence: sequencesOf(evidence), facts }));
      };
      if (known.peek(`${source}\0${login}`) === undefined) {
        const ofSpray = slow.take(source, fresh);
        addMoment(ofSpray.moments, atMs, sequence, login, longMs);
        const lately = ofSpray.moments.filter((one) => one[0] > atMs - shortMs);
        const [quickly, slowly] = [distinctOf(lately), distinctOf(ofSpray.moments)];
        if (quickly >= tuned.logins || slowly >= tuned.loginsSlowly) {
          const text = `${source} failed to log in as ${slowly} different principals within ${tuned.hours} hours, ${quickly} of them within ${tuned.minutes} minutes.`;
          report(ofSpray, `spray ${source}`, ofSpray.moments, text);
        }
      }
      const recent = ofLogin.moments.filter((one) => one[0] > atMs - shortMs);
      if (recent.length >= tuned.ofLogin) {
        const text = `${login} failed to log in ${recent.length} times within ${tuned.minutes} minutes, from ${distinctOf(recent)} sources.`;
        report(ofLogin, `login ${login}`, recent, text);
      }
      if (ofSource.moments.length >= tuned.ofSource) {
        const text = `${figure(ofSource.moments.length)} logins from ${source} failed within ${tuned.minutes} minutes.`;
        report(ofSource, `source ${source}`, ofSource.moments, text);
      }
      return results;
    };

    const succeeded = (observation: Observation, source: string, login: string): readonly Finding[] => {
      const isUsual = known.peek(`${source}\0${login}`) !== undefined;
      known.set(`${source}\0${login}`, observation.atMs);
      const watched = byLogin.get(login);
      if (watched === undefined) return nothing;
      // From where it always comes: only what failed there too is explained by it.
      const isOfThis = (one: Moments[number]): boolean => !isUsual || one[2] === source;
      const evidence = watched.moments.filter((one) => one[0] > observation.atMs - longMs && isOfThis(one));
      watched.moments = watched.moments.filter((one) => !isOfThis(one));
      if (evidence.length < tuned.beforeSuccess) return nothing;
      const summary = `${login} logged in from ${source} after ${evidence.length} failures within ${tuned.hours} hours.`;
      const facts = { failures: evidence.length };
      return [found(observation, { group: `login ${login}`, summary, evidence: sequencesOf(evidence), facts })];
    };

    return {
      observe: (observation) => {
        const { activity, source, principal } = observation;
        const { event } = activity;
        if (source === null) return nothing;
        if (event.type === 'identity.refused') return failed(observation, source, event.login);
        if (event.type !== 'session.opened' && event.type !== 'identity.signed-on') return nothing;
        return principal === null ? nothing : succeeded(observation, source, principal.name);
      },
    };
  },
});
