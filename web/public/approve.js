// Approving a sign-on or step-up elsewhere: uses the browser's session, or signs on; shows what waits with its code, and sends
// the decision. A step-up takes a proof of just now, which is asked for where it is needed.

import { button, call, make, say, whoami } from './gateway.js';
import { Declined, offerSignOn, withProof } from './signing-on.js';

const ways = document.getElementById('ways');
const section = document.getElementById('waiting');
const list = document.getElementById('list');
const proof = document.getElementById('proof');
const wanted = location.hash.slice(1);
let me = null;

async function show() {
  const { signOns } = await call('GET', '/api/v1/sign-ons');
  list.replaceChildren(...signOns.map(rowOf));
  section.hidden = signOns.length === 0;
}

function rowOf({ id, code, source, resource, command, requestedAt }) {
  const at = new Date(requestedAt).toLocaleTimeString();
  const what = resource === null ? 'signing on' : command ? `${command} on ${resource}` : `opening ${resource}`;
  return make(
    'li',
    { className: id === wanted ? 'wanted' : '', dataset: { id } },
    make('strong', { textContent: code }),
    make('span', { className: 'facts', textContent: `${what}, from ${source}, ${at}` }),
    make(
      'span',
      { className: 'actions' },
      button('Approve', () => decide(id, 'approve'), 'approve'),
      button('Refuse', () => decide(id, 'refuse'), 'refuse'),
    ),
  );
}

async function decide(id, decision) {
  try {
    const path = `/api/v1/sign-ons/${encodeURIComponent(id)}`;
    await withProof(proof, me, (given) => call('POST', path, { decision, ...given }));
  } catch (error) {
    if (error instanceof Declined) return;
    throw error;
  }
  say(decision === 'approve' ? 'Approved. The terminal goes on by itself.' : 'Refused.');
  await show();
}

async function signedOn() {
  me = await whoami();
  ways.replaceChildren();
  await show();
  if (section.hidden) say('Nothing waits for you any more. Start again at the terminal.');
  else say(`Signed on as ${me.name}.`);
}

me = await whoami();
if (me === null) await offerSignOn(ways, { done: signedOn });
else await signedOn();
