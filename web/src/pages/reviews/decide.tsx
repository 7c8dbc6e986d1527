/**
 * The decision, at the bottom: two large buttons, then the reason and one press more. Who may not decide reads why; whoever asked
 * withdraws here, or breaks the glass; what is over says how it ended.
 *
 * Invariants: a decision goes with the digest of what is shown, so that it counts for nothing else; it is made by two presses, never
 * one; one that came too late says so and stays said.
 */
import { Check, Clock, X } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Problem } from '../../api/client.ts';
import { useAct } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { safeText } from '../../format/safe.tsx';
import { Button, cx, Kbd, TextArea } from '../../ui/controls.tsx';
import { say } from '../../ui/overlays.tsx';
import type { DetailProps } from './detail.tsx';
import { OwnActs } from './own.tsx';
import { approvalDoes, endWords, type Review, whyNot } from './words.ts';

type BarProps = Pick<DetailProps, 'deciding' | 'setDeciding' | 'goOn' | 'others'> & {
  readonly review: Review;
  readonly wasPending: boolean;
};

const isOver = ({ state }: Review): boolean => state !== 'pending' && state !== 'approved';

export function DecisionBar(props: BarProps): ReactNode {
  const { review, deciding, others, goOn } = props;
  const me = useMe();
  const [late, setLate] = useState<string | null>(null);
  const reason = isOver(review) ? null : whyNot(review, me);
  const isMine = review.decisions.some(({ by }) => by.id === me.id);
  return (
    <footer className="shrink-0 border-t bg-ground px-4 py-3 lg:px-6">
      {late === null ? null : (
        <p role="alert" className="mb-2 font-medium text-bad">
          {late}
        </p>
      )}
      {isOver(review) ? (
        <Over review={review} isNews={props.wasPending && !isMine && late === null} others={others} goOn={goOn} />
      ) : review.you.requester ? (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <p className="mr-auto text-quiet">You asked for it, and nobody decides their own review.</p>
          <OwnActs review={review} isLarge />
        </div>
      ) : reason !== null ? (
        <div className="flex items-center gap-3">
          <p className="mr-auto text-quiet">{reason}</p>
          {others === 0 ? null : <NextButton others={others} goOn={goOn} />}
        </div>
      ) : deciding === null ? (
        <Choice review={review} onChoose={props.setDeciding} />
      ) : (
        <Reason key={deciding} {...props} deciding={deciding} onLate={setLate} />
      )}
    </footer>
  );
}

function Choice({
  review,
  onChoose,
}: {
  readonly review: Review;
  readonly onChoose: (decision: 'approve' | 'deny') => void;
}): ReactNode {
  const large = 'h-13 flex-1 text-sm lg:h-9 lg:flex-none lg:px-5';
  return (
    <div className="flex flex-wrap items-center gap-3">
      <p className="w-full text-quiet lg:mr-auto lg:w-auto">{approvalDoes(review)}</p>
      <Button tone="danger" className={large} icon={<X className="size-4" />} onClick={() => onChoose('deny')}>
        Deny
        <span className="hidden lg:inline">
          <Kbd>d</Kbd>
        </span>
      </Button>
      <Button tone="primary" className={large} icon={<Check className="size-4" />} onClick={() => onChoose('approve')}>
        Approve
        <span className="hidden lg:inline">
          <Kbd>a</Kbd>
        </span>
      </Button>
    </div>
  );
}

/** What a refusal of a decision means here. */
function lateWords(problem: Problem): string | null {
  switch (problem.code) {
    case 'review.over':
    case 'review.expired':
      return `Too late: ${problem.message}`;
    case 'review.conflict':
    case 'api.review-changed':
      return `Your decision was not taken: ${problem.message}`;
    default:
      return null;
  }
}

type ReasonProps = BarProps & { readonly deciding: 'approve' | 'deny'; readonly onLate: (words: string) => void };

/** Decides, and says what came of it. */
function useDecision({ review, deciding, setDeciding, goOn, onLate }: ReasonProps) {
  const act = useAct('decideReview', ['listReviews', 'getReview', 'listGrants']);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const isDenial = deciding === 'deny';
  const decide = async (): Promise<void> => {
    const reason = text.trim();
    if (isDenial && reason === '') {
      setProblem('Say why: who asked reads it.');
      field.current?.focus();
      return;
    }
    setProblem(null);
    try {
      const body = { decision: deciding, digest: review.digest, ...(reason === '' ? {} : { reason }) };
      await act.mutateAsync({ params: { id: review.id }, body });
      say(isDenial ? 'Denied.' : 'Approved.');
      goOn();
    } catch (error) {
      const words = lateWords(error as Problem);
      if (words === null) setProblem((error as Error).message);
      else {
        setDeciding(null);
        onLate(words);
      }
    }
  };
  return { text, setText, problem, field, decide, isDenial, isBusy: act.isPending };
}

function Reason(props: ReasonProps): ReactNode {
  const { review, setDeciding } = props;
  const { text, setText, problem, field, decide, isDenial, isBusy } = useDecision(props);
  return (
    <form
      aria-label={isDenial ? 'Deny' : 'Approve'}
      className="grid gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        void decide();
      }}
    >
      <TextArea
        ref={field}
        rows={2}
        aria-label="Reason"
        aria-invalid={problem === null ? undefined : true}
        placeholder={isDenial ? 'Why not? Who asked reads it.' : 'Reason, if there is one to give'}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setDeciding(null);
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.repeat) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <p className="w-full text-quiet lg:mr-auto lg:w-auto">
          {isDenial ? 'It ends, whoever approved before.' : approvalDoes(review)}
        </p>
        <Button className="h-13 flex-1 lg:h-9 lg:flex-none" onClick={() => setDeciding(null)}>
          Back
        </Button>
        <Button
          type="submit"
          tone={isDenial ? 'danger' : 'primary'}
          disabled={isBusy}
          className="h-13 flex-2 text-sm lg:h-9 lg:flex-none lg:px-5"
          icon={isDenial ? <X className="size-4" /> : <Check className="size-4" />}
        >
          {isDenial ? 'Deny it' : 'Approve it'}
        </Button>
      </div>
    </form>
  );
}

function NextButton({ others, goOn }: Pick<BarProps, 'others' | 'goOn'>): ReactNode {
  return (
    <Button className="h-11 lg:h-8" onClick={goOn}>
      {others === 0 ? 'To the list' : 'Next'}
    </Button>
  );
}

function Over({
  review,
  isNews,
  others,
  goOn,
}: Pick<BarProps, 'review' | 'others' | 'goOn'> & { readonly isNews: boolean }): ReactNode {
  const last = review.decisions.at(-1);
  const who = last === undefined ? '' : ` by ${safeText(last.by.name)}`;
  return (
    <div className="flex items-center gap-3">
      <p
        role="status"
        className={cx('mr-auto flex items-start gap-2', isNews ? 'font-medium text-warn' : 'text-quiet')}
      >
        <Clock className="mt-0.5 size-4 shrink-0" />
        {isNews ? `This ended while you looked${who}. ${endWords(review)}` : endWords(review)}
      </p>
      <NextButton others={others} goOn={goOn} />
    </div>
  );
}
