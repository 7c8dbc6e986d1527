/** Buttons, inputs, badges: the small parts that every page is made of. One look, keyboard and labels included. */
import { type ComponentProps, type ReactNode, useId } from 'react';

export function cx(...parts: readonly (string | false | null | undefined)[]): string {
  return parts.filter(Boolean).join(' ');
}

type Tone = 'plain' | 'primary' | 'danger' | 'ghost';

const tones: Readonly<Record<Tone, string>> = {
  plain: 'border bg-sheet hover:bg-hover text-ink',
  primary: 'border border-transparent bg-accent text-accent-ink hover:opacity-90',
  danger: 'border border-transparent bg-bad-soft text-bad hover:opacity-80',
  ghost: 'border border-transparent text-quiet hover:bg-hover hover:text-ink',
};

export interface ButtonProps extends ComponentProps<'button'> {
  readonly tone?: Tone;
  readonly size?: 'small' | 'normal' | 'large';
  readonly icon?: ReactNode;
}

export function Button({
  tone = 'plain',
  size = 'normal',
  icon,
  className,
  children,
  ...rest
}: ButtonProps): ReactNode {
  const sizes = { small: 'h-6 px-2 text-xs gap-1', normal: 'h-8 px-3 gap-1.5', large: 'h-11 px-4 text-sm gap-2' };
  return (
    <button
      type="button"
      className={cx(
        'inline-flex shrink-0 items-center justify-center rounded-md font-medium whitespace-nowrap transition-colors disabled:cursor-not-allowed disabled:opacity-50',
        tones[tone],
        sizes[size],
        className,
      )}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
}

/** A button that is an icon: its label is heard and shows when pointed at. */
export function IconButton({
  label,
  children,
  className,
  ...rest
}: ComponentProps<'button'> & { readonly label: string }): ReactNode {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={cx(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-md text-quiet transition-colors hover:bg-hover hover:text-ink disabled:opacity-40 [&>svg]:size-4',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  );
}

export type BadgeTone = 'plain' | 'good' | 'warn' | 'bad' | 'info' | 'veil' | 'accent';

const badgeTones: Readonly<Record<BadgeTone, string>> = {
  plain: 'bg-raised text-quiet',
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  info: 'bg-info-soft text-info',
  veil: 'bg-veil-soft text-veil',
  accent: 'bg-accent-soft text-accent',
};

export function Badge({
  tone = 'plain',
  children,
  title,
}: {
  readonly tone?: BadgeTone;
  readonly children: ReactNode;
  readonly title?: string;
}): ReactNode {
  return (
    <span
      title={title}
      className={cx(
        'inline-flex h-5 shrink-0 items-center gap-1 rounded px-1.5 text-2xs font-medium whitespace-nowrap',
        badgeTones[tone],
      )}
    >
      {children}
    </span>
  );
}

const verdictTones: Readonly<Record<string, BadgeTone>> = {
  allow: 'good',
  approved: 'good',
  executed: 'good',
  block: 'bad',
  deny: 'bad',
  denied: 'bad',
  terminate: 'bad',
  hold: 'warn',
  pending: 'warn',
  expired: 'plain',
  withdrawn: 'plain',
  alert: 'info',
  mask: 'veil',
};

/** A verdict or a state, in its colour everywhere. */
export function Verdict({ name }: { readonly name: string }): ReactNode {
  return <Badge tone={verdictTones[name] ?? 'plain'}>{name}</Badge>;
}

const severityTones: Readonly<Record<string, BadgeTone>> = {
  critical: 'bad',
  high: 'bad',
  medium: 'warn',
  low: 'info',
  informational: 'plain',
};

export function Severity({ name }: { readonly name: string }): ReactNode {
  return <Badge tone={severityTones[name] ?? 'plain'}>{name}</Badge>;
}

const fieldLook =
  'w-full min-w-0 rounded-md border border-line-strong/50 bg-sheet px-2.5 text-ink placeholder:text-faint focus-visible:outline-2 aria-invalid:border-bad';

export function Input({ className, ...rest }: ComponentProps<'input'>): ReactNode {
  return <input className={cx(fieldLook, 'h-8', className)} {...rest} />;
}

export function TextArea({ className, ...rest }: ComponentProps<'textarea'>): ReactNode {
  return <textarea className={cx(fieldLook, 'min-h-16 py-1.5', className)} {...rest} />;
}

export function Select({ className, children, ...rest }: ComponentProps<'select'>): ReactNode {
  return (
    <select className={cx(fieldLook, 'h-8 w-auto pr-7', className)} {...rest}>
      {children}
    </select>
  );
}

export function Checkbox({ label, ...rest }: ComponentProps<'input'> & { readonly label: ReactNode }): ReactNode {
  return (
    <label className="inline-flex items-center gap-2">
      <input type="checkbox" className="size-4 accent-(--accent)" {...rest} />
      <span>{label}</span>
    </label>
  );
}

/** A labelled field, with what it is for and what is wrong with it. */
export function Field({
  label,
  hint,
  problem,
  children,
}: {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | null;
  readonly children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}): ReactNode {
  const id = useId();
  const said = problem ?? hint;
  return (
    <div className="grid gap-1">
      <label htmlFor={id} className="text-xs font-medium text-quiet">
        {label}
      </label>
      {children({
        id,
        ...(said === undefined || said === null ? {} : { 'aria-describedby': `${id}-said` }),
        ...(problem ? { 'aria-invalid': true as const } : {}),
      })}
      {said === undefined || said === null ? null : (
        <p id={`${id}-said`} className={cx('text-xs', problem ? 'text-bad' : 'text-faint')}>
          {said}
        </p>
      )}
    </div>
  );
}

export function Kbd({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded border bg-raised px-1 font-sans text-2xs text-quiet">
      {children}
    </kbd>
  );
}
