/**
 * The header that signs what leaves: `Sallyport-Signature: t=<seconds>,v1=<hex>`, HMAC-SHA256 with the receiver's secret over
 * `<seconds>.<body>`. One form for messages about reviews and for events, so that a receiver checks both with the same few lines.
 */
import { createHmac } from 'node:crypto';

/** The header that signs `body` at `nowMs`. */
export function signatureHeader(secret: string, body: string | Uint8Array, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')}`;
}
