// What every page of the console shares: calling the API with the browser's own session, saying what happened, and making
// elements. Text that comes from elsewhere becomes text, never markup.

// Light or dark as the person chose in the console, or as the machine says.
try {
  const theme = localStorage.getItem('sallyport.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing says what its machine says.
}

/** What the gateway refused: its code, its words, and the second step where one is needed. */
export class Problem extends Error {
  constructor(status, answer) {
    super(answer?.detail ?? 'The gateway did not answer as expected.');
    this.status = status;
    this.code = answer?.code ?? '';
    this.step = answer?.step ?? null;
  }
}

export async function call(method, path, body) {
  const content =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...content });
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const answer = isJson ? await response.json() : null;
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

/** Who is signed on in this browser; null where nobody is. */
export async function whoami() {
  try {
    return await call('GET', '/api/v1/whoami');
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

const said = document.getElementById('said');

export function say(text, isProblem = false) {
  said.textContent = text;
  said.classList.toggle('problem', isProblem);
}

/** Does something for a press, and says why it did not work. A declined passkey is no fault of anybody's. */
export async function attempt(work, button) {
  if (button !== undefined) button.disabled = true;
  try {
    await work();
  } catch (error) {
    const isDeclined = error instanceof DOMException;
    say(isDeclined ? 'No passkey was used. Try again, or take another way.' : error.message, true);
  } finally {
    if (button !== undefined) button.disabled = false;
  }
}

export function make(tag, properties = {}, ...children) {
  const { dataset, ...others } = properties;
  const made = Object.assign(document.createElement(tag), others);
  Object.assign(made.dataset, dataset ?? {});
  made.append(...children);
  return made;
}

export function button(text, press, className = '') {
  const made = make('button', { type: 'button', textContent: text, className });
  made.addEventListener('click', () => void attempt(press, made));
  return made;
}

export function field(text, properties) {
  return make('label', {}, `${text} `, make('input', properties));
}

/** A path of the console's own, or where `otherwise` says (A-ID-09). The gateway checks what goes by it once more. */
export function ownPath(text, otherwise) {
  if (text === null || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || text.includes('\\')) return otherwise;
  const url = URL.parse(text, location.origin);
  return url?.origin === location.origin ? url.pathname + url.search + url.hash : otherwise;
}

export function hereAgain() {
  return location.pathname + location.search + location.hash;
}

/** The way to an identity provider and back to this page. */
export function providerLink(provider, isFresh = false) {
  const query = new URLSearchParams({ returnTo: hereAgain(), ...(isFresh ? { fresh: 'true' } : {}) });
  return `/sign-on/${encodeURIComponent(provider)}?${query}`;
}
