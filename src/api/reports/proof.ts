/** What is attached to a report so that a stranger can check it, and how. */
import { createHash, createPublicKey } from 'node:crypto';
import type { ApiPorts } from '../ports.ts';
import type { Evidence, ReportDocument, ReportProof } from './document.ts';

export async function attachedProof(
  { reports, search, status }: Pick<ApiPorts, 'reports' | 'search' | 'status'>,
  evidence: Evidence,
): Promise<ReportProof> {
  const [checkpoint, standings, facts] = await Promise.all([status.checkpoint(), search.standings(), status.facts()]);
  const { gateway, publicKey } = reports;
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' });
  return {
    gateway,
    journal: checkpoint?.split('\n')[0] ?? null,
    publicKey,
    keyDigest: createHash('sha256').update(der).digest('hex'),
    checkpoint,
    durableSequence: facts.journal.durableSequence,
    evidence: evidence.all(),
    index: standings.map((one) => ({
      gateway: one.gateway,
      sequence: one.sequence,
      at: one.atMs === 0 ? null : new Date(one.atMs).toISOString(),
    })),
  };
}

export function howToVerify({
  report,
}: Pick<ReportDocument, 'report'>): readonly { readonly step: string; readonly command: string | null }[] {
  return [
    {
      step: 'Save the public key and the checkpoint above as files. Compare the key with the one that you were given when the gateway was set up: a key from the report alone proves nothing.',
      command: null,
    },
    {
      step: 'Check the journal, or a copy of it, offline: that nothing in it was changed, dropped or added, and that it goes on from this checkpoint.',
      command: `sallyport verify --journal ./journal --key journal.pub --checkpoint checkpoint.txt`,
    },
    {
      step: 'Compare the digest of this very file with the one that the journal has of it.',
      command: `sallyport search "verb:report text:$(sha256sum ${report}.html | cut -c 1-64)"`,
    },
    {
      step: 'Look at any event above by its session and command; sequences name the event in its journal.',
      command: 'sallyport sessions replay SESSION --at COMMAND',
    },
  ];
}
