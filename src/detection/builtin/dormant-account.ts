/** An account that was not used for long is used again. */
import { dayMs, define, figure, found, nothing } from './kit.ts';
import { principalsMax } from './limits.ts';

export const dormantAccount = define({
  name: 'dormant-account',
  title: 'Dormant account used',
  explanation:
    'A principal signs on or opens a session after it was not seen for `days`. Only what was seen before counts: an account that was ' +
    'never used since monitoring began is new, not dormant. People come back from long leave; services that run once a quarter want a ' +
    'longer time, in a detection of their own. Accounts that nobody uses are best locked, which CIS Control 5.3 asks for after as many days.',
  techniques: ['T1078'],
  tuning: {
    days: { default: 45, meaning: 'Days without any activity after which an account is dormant.', min: 2, max: 400 },
  },
  create: ({ days }, memory) => {
    const seen = memory.map<number>('seen', principalsMax);
    return {
      observe: (observation) => {
        const { activity, principal, atMs, source } = observation;
        const { type } = activity.event;
        if (
          principal === null ||
          (type !== 'session.opened' && type !== 'identity.signed-on' && type !== 'session.refused')
        ) {
          return nothing;
        }
        const last = seen.get(principal.id);
        seen.set(principal.id, atMs);
        if (last === undefined || atMs - last < days * dayMs) return nothing;
        const away = Math.floor((atMs - last) / dayMs);
        const from = source === null ? '' : `, from ${source}`;
        const summary = `${principal.name} is used again after ${figure(away)} days${from}.`;
        return [found(observation, { group: principal.id, summary, evidence: [], facts: { days: away } })];
      },
    };
  },
});
