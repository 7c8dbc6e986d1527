// Approving a sign-on elsewhere: signs on, shows what waits with its code, sends the decision, and signs off.
// Nothing is kept: the token lives in this page's memory, for five minutes at most.

const said = document.getElementById('said');
const form = document.getElementById('sign-on');
const section = document.getElementById('waiting');
const list = document.getElementById('list');
const wanted = location.hash.slice(1);
let token = null;
let approved = false;

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer?.detail ?? 'The gateway did not answer as expected.');
  return answer;
}

function say(text, isProblem = false) {
  said.textContent = text;
  said.classList.toggle('problem', isProblem);
}

async function show() {
  const { signOns } = await call('GET', '/api/v1/sign-ons');
  list.replaceChildren(...signOns.map(rowOf));
  section.hidden = signOns.length === 0;
  if (signOns.length > 0) return;
  // A session that was approved ends with what approved it, so the token is then left to end by itself.
  if (!approved) await call('POST', '/api/v1/logout');
  token = null;
}

function rowOf({ id, code, source, resource, requestedAt }) {
  const row = document.createElement('li');
  row.classList.toggle('wanted', id === wanted);
  const shown = document.createElement('strong');
  shown.textContent = code;
  const facts = document.createElement('span');
  facts.className = 'facts';
  facts.textContent = `${resource === null ? 'signing on' : `opening ${resource}`}, from ${source}, ${new Date(requestedAt).toLocaleTimeString()}`;
  const actions = document.createElement('span');
  actions.className = 'actions';
  actions.append(button('Approve', id, 'approve'), button('Refuse', id, 'refuse'));
  row.append(shown, facts, actions);
  return row;
}

function button(text, id, decision) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.className = decision;
  made.addEventListener('click', async () => {
    try {
      await call('POST', `/api/v1/sign-ons/${encodeURIComponent(id)}`, { decision });
      approved ||= decision === 'approve';
      say(decision === 'approve' ? 'Approved. The terminal goes on by itself.' : 'Refused.');
      await show();
    } catch (error) {
      say(error.message, true);
    }
  });
  return made;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  try {
    const answer = await call('POST', '/api/v1/login', {
      principal: given.get('principal'),
      password: given.get('password'),
      lifetimeSeconds: 300,
    });
    token = answer.token;
    form.reset();
    form.hidden = true;
    say(`Signed on as ${answer.principal.name}.`);
    await show();
    if (section.hidden) say('Nothing waits for you any more. Start again at the terminal.');
  } catch (error) {
    say(error.message, true);
  }
});
