/**
 * The sample in the demonstration target: a small shop with customers, orders and payments, whose names, addresses,
 * card numbers and national ids look real and belong to nobody. The same seed gives the same rows.
 */
import type { Client } from 'pg';

export const sampleCounts = { customers: 3_000, orders: 5_000, payments: 4_500 } as const;

const given =
  'Ada Bruno Carla Dmitri Elif Farid Grace Hugo Ines Jonas Keiko Liam Mara Nils Olga Pavel Quinn Rosa Samir Tess Uma Viktor Wanda Xenia Yusuf Zoe'.split(
    ' ',
  );
const family =
  'Abbot Berg Castillo Dubois Eriksen Fischer Garcia Haddad Ivanov Jensen Kim Lopez Moreau Novak Okafor Petrov Quist Rossi Silva Tanaka Unger Vance Weber Xu Young Zhang'.split(
    ' ',
  );
const cities =
  'Amsterdam Bergen Chicago Denver Essen Florence Geneva Hanoi Izmir Jakarta Kyoto Lisbon Madrid Nairobi Oslo Porto Quito Riga Seoul Turin'.split(
    ' ',
  );
const products = [
  'Desk lamp',
  'Office chair',
  'Notebook, ruled',
  'Fountain pen',
  'Monitor arm',
  'Keyboard',
  'USB-C dock',
  'Whiteboard',
  'Headphones',
  'Cable set',
];

/** Creates tables and rows where they are missing. Answers whether it did. */
export async function fillSample(client: Client): Promise<boolean> {
  const found = await client.query("SELECT to_regclass('public.payments') IS NOT NULL AS filled");
  if ((found.rows as { filled: boolean }[])[0]?.filled) return false;
  await client.query('BEGIN');
  await client.query(schema);
  await client.query(
    `INSERT INTO customers (full_name, email, phone, ssn, city, born_on, created_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::timestamptz[])`,
    columns(sampleCounts.customers, customer),
  );
  await client.query(
    `INSERT INTO orders (customer_id, product, quantity, total, status, ordered_at)
     SELECT * FROM unnest($1::int[], $2::text[], $3::int[], $4::numeric[], $5::text[], $6::timestamptz[])`,
    columns(sampleCounts.orders, order),
  );
  await client.query(
    `INSERT INTO payments (order_id, card_number, card_holder, iban, amount, paid_at)
     SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::numeric[], $6::timestamptz[])`,
    columns(sampleCounts.payments, payment),
  );
  await client.query('COMMIT');
  await client.query('ANALYZE');
  return true;
}

const schema = `
CREATE TABLE customers (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  full_name text NOT NULL, email text NOT NULL, phone text NOT NULL,
  ssn text NOT NULL, city text NOT NULL, born_on date NOT NULL, created_at timestamptz NOT NULL
);
CREATE TABLE orders (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id int NOT NULL REFERENCES customers, product text NOT NULL, quantity int NOT NULL,
  total numeric(10,2) NOT NULL, status text NOT NULL, ordered_at timestamptz NOT NULL
);
CREATE TABLE payments (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id int NOT NULL REFERENCES orders, card_number text NOT NULL, card_holder text NOT NULL, iban text NOT NULL,
  amount numeric(10,2) NOT NULL, paid_at timestamptz NOT NULL
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX payments_order ON payments (order_id);
CREATE VIEW revenue_by_city AS
  SELECT c.city, count(*) AS orders, sum(o.total) AS revenue
  FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city;
COMMENT ON COLUMN customers.ssn IS 'National id: personal data';
COMMENT ON COLUMN payments.card_number IS 'Card number: personal data';
`;

/** A small generator of numbers that look random (mulberry32), the same for the same index. */
function dice(index: number, salt: number): () => number {
  let state = (index * 2_654_435_761 + salt * 40_503) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <T>(list: readonly T[], roll: number): T => list[Math.floor(roll * list.length)]!;
const digits = (count: number, roll: () => number): string =>
  Array.from({ length: count }, () => Math.floor(roll() * 10)).join('');
const day = (roll: number, from: number, days: number): string =>
  new Date(from + Math.floor(roll * days) * 86_400_000).toISOString();

function nameOf(index: number): string {
  const roll = dice(index, 1);
  return `${pick(given, roll())} ${pick(family, roll())}`;
}

function customer(index: number): unknown[] {
  const roll = dice(index, 2);
  const name = nameOf(index);
  const email = `${name.toLowerCase().replace(' ', '.')}${index}@example.com`;
  const ssn = `${100 + Math.floor(roll() * 565)}-${10 + Math.floor(roll() * 89)}-${1000 + Math.floor(roll() * 8999)}`;
  return [
    name,
    email,
    `+1-555-01${digits(2, roll)}`,
    ssn,
    pick(cities, roll()),
    day(roll(), Date.UTC(1950, 0, 1), 19_000).slice(0, 10),
    day(roll(), Date.UTC(2023, 0, 1), 900),
  ];
}

function order(index: number): unknown[] {
  const roll = dice(index, 3);
  const quantity = 1 + Math.floor(roll() * 4);
  return [
    1 + Math.floor(roll() * sampleCounts.customers),
    pick(products, roll()),
    quantity,
    (quantity * (5 + roll() * 195)).toFixed(2),
    pick(['paid', 'paid', 'shipped', 'shipped', 'open', 'returned'], roll()),
    day(roll(), Date.UTC(2024, 0, 1), 900),
  ];
}

function payment(index: number): unknown[] {
  const roll = dice(index, 4);
  return [
    1 + Math.floor(roll() * sampleCounts.orders),
    cardNumber(`4${digits(14, roll)}`),
    nameOf(Math.floor(roll() * sampleCounts.customers)),
    `DE${10 + Math.floor(roll() * 89)}${digits(18, roll)}`,
    (5 + roll() * 600).toFixed(2),
    day(roll(), Date.UTC(2024, 0, 1), 900),
  ];
}

/** Appends the Luhn check digit (ISO/IEC 7812-1). */
function cardNumber(body: string): string {
  let sum = 0;
  for (let at = 0; at < body.length; at++) {
    const digit = Number(body[body.length - 1 - at]);
    const doubled = at % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return body + String((10 - (sum % 10)) % 10);
}

function columns(count: number, make: (index: number) => unknown[]): unknown[][] {
  const rows = Array.from({ length: count }, (_, index) => make(index + 1));
  return rows[0]!.map((_, column) => rows.map((row) => row[column]));
}
