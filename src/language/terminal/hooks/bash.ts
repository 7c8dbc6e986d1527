/**
 * Hooks for bash 4.2 and later, as text: the rc file that stands in for the person's login files.
 *
 * - Line level: every key that accepts a line (`accept-line`, `operate-and-get-next`, in all three keymaps, wherever the
 *   person's inputrc put them) first expands history, then asks, then accepts. Keys that accept without such a key
 *   (edit-and-execute-command, insert-comment) are unbound.
 * - Command level: a DEBUG trap with extdebug, before each simple command of functions, substitutions and sourced files too.
 *   It asks only between PS0 (before 4.4: the accepted line) and the next prompt, so that completion and prompt code is free.
 * - What a line made run at the prompt is asked there too: a prompt that it changed and that has expansions, and completions that
 *   it registered (`first`, `dbg`). PS0 and PS4 cannot be changed; other traps cannot be set (guard.ts), since what they
 *   start while a question is open is seen by no trap.
 * - A text that was allowed with `G` is not asked again within its line, or at later prompts: loops cost one question.
 * - Own commands never enter the history; `$?`, PS1, PROMPT_COMMAND and an existing DEBUG trap are kept.
 *
 * Where it ends: bash gives the trap a command before its expansions. `$x` is seen as `$x`.
 */
import type { HookNames } from './names.ts';

export interface HookPlace {
  readonly names: HookNames;
  readonly directory: string;
  readonly mkfifo: string;
  /** Sets LESSSECURE=1: `less` then has no shell escape. */
  readonly lessSecure: boolean;
}

/** `login`: reads what a login shell reads; otherwise what a shell within the shell reads. */
export function bashHooks(place: HookPlace, login: boolean): string {
  const { prefix: p, nonce, keys } = place.names;
  return `# Placed for this session by the gateway; gone when it ends.
readonly ${p}d='${place.directory}' ${p}k='${place.mkfifo}'
${p}on=0 ${p}n=0 ${p}v=D ${p}w= ${p}chain= ${p}x=() ${p}ps= ${p}late=0 ${p}tab= ${p}up=0
declare -A ${p}ok=() ${p}then=()
${askFunction(p)}
${lineFunction(p)}
${commandFunction(p)}
${promptFunctions(p, nonce)}
${armFunction(p, keys, nonce)}
readonly -f ${p}ask ${p}line ${p}dbg ${p}st ${p}first ${p}last ${p}arm
${p}ask H '${nonce}'$'\\037bash\\037'"$BASH_VERSION" || exit 1
${login ? loginFiles : nestedFiles}
${place.lessSecure ? 'export LESSSECURE=1' : ''}
${p}arm
${p}ask U '${nonce}'$'\\037bash\\037'"$BASH_VERSION" || exit 1
`;
}

const loginFiles = `[ -r /etc/profile ] && . /etc/profile
if [ -r ~/.bash_profile ]; then . ~/.bash_profile
elif [ -r ~/.bash_login ]; then . ~/.bash_login
elif [ -r ~/.profile ]; then . ~/.profile
fi
logout() { builtin exit "$@"; }`;

const nestedFiles = `[ -r ~/.bashrc ] && . ~/.bashrc`;

// A FIFO per process: replies cannot reach the wrong one of several subshells that ask at once.
const askFunction = (p: string): string => `${p}ask() {
  local IFS= f=$${p}d/r.$BASHPID t=$BASHPID.$RANDOM$RANDOM$RANDOM r
  ${p}v=D ${p}w=
  [[ -p $f ]] || "$${p}k" -m 666 "$f" 2>/dev/null || return 1
  {
    builtin printf 'W\\037%s\\037%.1025s\\0%s\\037%s\\037%s\\0' "$t" "\${PWD-}" "$1" "$t" "$2" > "$${p}d/q" || return 1
    while builtin read -r -t 604800 -u 9 r; do
      [[ $r == "$t"?* ]] || continue
      r=\${r#"$t"}; ${p}v=\${r:0:1} ${p}w=\${r:1}
      [[ $${p}v == N ]] || break
      builtin printf '%s\\n' "$${p}w" > /dev/tty
      ${p}v=D
    done
  } 9<>"$f" 2>/dev/null
  [[ $BASHPID == $$ ]] || command -p rm -f "$f"
  [[ $${p}v == [AGR] ]]
}`;

const lineFunction = (p: string): string => `${p}line() {
  ((++${p}n))
  if ${p}ask "L$${p}n" "$READLINE_LINE"; then
    [[ $${p}v != R ]] || { READLINE_LINE=$${p}w READLINE_POINT=\${#${p}w}; }
    ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || ${p}on=1
    return 0
  fi
  builtin printf '%s\\n' "$${p}w"
  READLINE_LINE= READLINE_POINT=0
  builtin kill -INT $$
}`;

const commandFunction = (p: string): string => `${p}st() { return $1; }
${p}dbg() {
  local ${p}s=$? ${p}c=$BASH_COMMAND
  # The names of the hooks themselves: they cannot be defined anew.
  case \${FUNCNAME[1]-} in ${p}ask | ${p}line | ${p}dbg | ${p}st | ${p}first | ${p}last | ${p}arm) return 0 ;; esac
  case $${p}c in '${p}line "$_"' | ${p}first | ${p}last | ${p}arm) return 0 ;; esac
  if ((${p}on == 0)) && [[ -n $${p}tab && -n \${COMP_WORDS[0]-} && $${p}tab == *" \${COMP_WORDS[0]##*/} "* ]]; then ${p}on=2; fi
  if ((${p}on == 2)); then case \${${p}then["x$${p}c"]-} in D) return 1 ;; G) return 0 ;; esac; fi
  if ((${p}on)) && [[ -z \${${p}ok["x$${p}c"]-} ]]; then
    if ${p}ask C "$${p}c"; then
      case $${p}c in *complete*)
        case $${p}c in *['$\`']* | *" -"[DEI]*) ${p}late=2 ;; esac
        ${p}tab+=" \${${p}c//[\\"\\']} " ;;
      esac
      case $${p}v in
        G) if ((${p}on == 1)); then ${p}ok["x$${p}c"]=1; else ${p}then["x$${p}c"]=G; fi ;;
        R) builtin eval "$${p}w"; return 1 ;;
      esac
    else
      builtin printf '%s\\n' "$${p}w" > /dev/tty
      # An interrupt at the prompt would give a prompt, and so on: what is denied there is left out from now on.
      if ((${p}on == 1)); then builtin kill -INT $$; else ${p}then["x$${p}c"]=D; fi
      return 1
    fi
  fi
  [[ -z $${p}chain ]] || { ${p}st $${p}s; : "$1"; builtin eval "$${p}chain"; }
  return 0
}`;

const promptFunctions = (p: string, nonce: string): string => {
  const mark = (letter: string, data = ''): string => `\\[\\e]7770;${nonce};${letter}${data}\\a\\]`;
  return `${p}first() {
  local s=$? t=$PS1$PS2
  # The prompt is not what it was before the line, and may run something. The marks have a $? of their own.
  if [[ $t != "$${p}ps" ]]; then
    t=\${t//'$?'} t=\${t//'\\$'}
    case $t in *['$\`']*) ${p}late=2 ;; esac
  fi
  ${p}on=$${p}late ${p}n=0 ${p}ok=()
  return $s
}
${p}last() {
  local s=$? t
  ${p}on=$${p}late ${p}n=0 ${p}ok=()
  case $PS1 in *'7770;${nonce};B'*) ;; *) PS1='${mark('A', ';$?')}'"$PS1"'${mark('B')}' ;; esac
  case $PS2 in *'7770;${nonce};G'*) ;; *) PS2='${mark('F')}'"$PS2"'${mark('G')}' ;; esac
  t=$(builtin trap -p DEBUG)
  if [[ $t != *${p}dbg* ]]; then
    # Somebody's own trap came after ours (bash-preexec does so at its first prompt): it goes on behind the question.
    [[ -z $t || $${p}up == 1 ]] || { builtin eval "set -- $t"; ${p}chain=$3; }
    builtin trap '${p}dbg "$_"' DEBUG
  fi
  ((${p}up)) || { ${p}up=1; readonly ${p}chain; }
  shopt -s extdebug promptvars
  set -o functrace
  ${p}ps=$PS1$PS2
  return $s
}`;
};

const armFunction = (p: string, keys: string, nonce: string): string => `${p}arm() {
  local m l k t
  for m in emacs-standard vi-insert vi-command; do
    builtin bind -m $m -x '"\\e${keys}1~": ${p}line "$_"'
    builtin bind -m $m '"\\e${keys}2~": accept-line'
    builtin bind -m $m '"\\e${keys}3~": operate-and-get-next'
    builtin bind -m $m '"\\e${keys}4~": history-expand-line'
    while IFS= builtin read -r l; do
      k=\${l%%\\": *}\\"
      case $l in
        *'${keys}'*) ;;
        *': accept-line') builtin bind -m $m "$k"': "\\e${keys}4~\\e${keys}1~\\e${keys}2~"' ;;
        *': operate-and-get-next') builtin bind -m $m "$k"': "\\e${keys}4~\\e${keys}1~\\e${keys}3~"' ;;
        *': edit-and-execute-command' | *': vi-edit-and-execute-command' | *': insert-comment')
          k=\${k#\\"}; builtin bind -m $m -r "\${k%\\"}" ;;
      esac
    done <<< "$(builtin bind -m $m -p)"
    builtin bind -m $m '"\\C-m": "\\e${keys}4~\\e${keys}1~\\e${keys}2~"'
    builtin bind -m $m '"\\C-j": "\\e${keys}4~\\e${keys}1~\\e${keys}2~"'
  done
  # Enter in a pager would be no submission, and look like one.
  builtin bind 'set page-completions off'
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
    PROMPT_COMMAND=(${p}first "\${PROMPT_COMMAND[@]}" ${p}last)
  else
    t=\${PROMPT_COMMAND-}
    t=\${t#"\${t%%[!; ]*}"}
    t=\${t%"\${t##*[!; ]}"}
    PROMPT_COMMAND="${p}first;\${t:+$t;}${p}last"
  fi
  if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)); then
    PS0=\${PS0-}'\${${p}x[${p}on=1]-}\\e]7770;${nonce};C\\a'
    readonly PS0
  fi
  # Expanded before each command while \`set -x\` is on, hooks included, where no trap sees what it runs.
  readonly PS4
  ${p}ps=$PS1$PS2
  t=$(builtin trap -p DEBUG)
  [[ -z $t ]] || { builtin eval "set -- $t"; ${p}chain=$3; }
  shopt -s extdebug
  set -o functrace
  builtin trap '${p}dbg "$_"' DEBUG
}`;
