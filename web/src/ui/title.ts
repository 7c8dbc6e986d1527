/** The title of the tab: how many reviews wait, then where one is. */

let place = '';
let waiting = 0;

function write(): void {
  const name = place === '' ? 'Sallyport' : `${place} · Sallyport`;
  document.title = waiting === 0 ? name : `(${waiting}) ${name}`;
}

export function setPlace(title: string): void {
  place = title;
  write();
}

export function setWaiting(count: number): void {
  waiting = count;
  write();
}
