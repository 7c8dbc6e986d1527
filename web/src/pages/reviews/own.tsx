/** What whoever asked may do: take it back, or break the glass where its rule lets them. Nobody decides their own. */
import { Flame, Undo2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useAct } from '../../api/query.ts';
import { Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/overlays.tsx';
import type { Review } from './words.ts';

export function OwnActs({
  review,
  isLarge = false,
}: {
  readonly review: Review;
  readonly isLarge?: boolean;
}): ReactNode {
  const [asking, setAsking] = useState<'withdraw' | 'glass' | null>(null);
  const changes = ['listReviews', 'getReview', 'listAlerts'] as const;
  const withdraw = useAct('withdrawReview', changes);
  const breakGlass = useAct('breakGlass', changes);
  const params = { id: review.id };
  const look = isLarge ? 'h-11 flex-1 lg:h-8 lg:flex-none' : 'pointer-coarse:h-10';
  return (
    <>
      {review.you.mayBreakGlass ? (
        <Button tone="danger" className={look} icon={<Flame className="size-4" />} onClick={() => setAsking('glass')}>
          Break the glass…
        </Button>
      ) : null}
      {review.state === 'pending' && review.kind !== 'break-glass' ? (
        <Button className={look} icon={<Undo2 className="size-4" />} onClick={() => setAsking('withdraw')}>
          Withdraw…
        </Button>
      ) : null}
      <Confirm
        open={asking === 'withdraw'}
        onClose={() => setAsking(null)}
        title="Withdraw it?"
        about="A client that waits is told that it was withdrawn. Nothing has run."
        action="Withdraw"
        onConfirm={() => withdraw.mutateAsync({ params })}
      />
      <Confirm
        open={asking === 'glass'}
        onClose={() => setAsking(null)}
        title="Break the glass?"
        about="It runs at once, without a decision. An alert is raised, and others review it afterwards, with your reason."
        action="Break the glass and run it"
        reason="Why it cannot wait"
        onConfirm={(reason) => breakGlass.mutateAsync({ params, body: { reason } })}
      />
    </>
  );
}
