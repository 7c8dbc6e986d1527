/**
 * Hooks for zsh 5 and later, as text: the start-up files of a ZDOTDIR that stands in for the person's own.
 *
 * Each file sources the person's file of the same name with the person's ZDOTDIR in place; the last one arms. From then on
 * ZDOTDIR is the person's, so that history, completion dumps and .zlogout are where they always were.
 *
 * - Line level: the widgets that accept a line are wrapped; history is expanded first, so that the text asked is what runs.
 * - Command level: a DEBUG trap with DEBUG_BEFORE_CMD. ERR_EXIT set inside the trap skips the command; SIGINT ends the rest.
 * - Widgets that accept without these (run-help, which-command) are unbound.
 */
import type { HookPlace } from './bash.ts';

/** File names and texts, for a directory that becomes ZDOTDIR. */
export function zshHooks(place: HookPlace, userDirectory: string): Readonly<Record<string, string>> {
  const { prefix: p, nonce } = place.names;
  const own = place.directory;
  const user = (file: string): string => `ZDOTDIR=$${p}u
[[ -r $ZDOTDIR/${file} ]] && . "$ZDOTDIR/${file}"
${p}u=$ZDOTDIR`;
  const back = `ZDOTDIR='${own}'`;
  const start = `typeset -g ${p}u="${userDirectory}"
[[ -n $${p}u ]] || ${p}u=$HOME
typeset -gr ${p}d='${own}' ${p}k='${place.mkfifo}'
unset SALLYPORT_ZDOTDIR
typeset -gi ${p}on=0
typeset -g ${p}v=D ${p}w= ${p}chain=
typeset -gA ${p}ok
zmodload zsh/system
${askFunction(p)}
${lineFunctions(p)}
${commandFunction(p)}
${promptFunctions(p, nonce)}
${p}ask H '${nonce}'$'\\037zsh\\037'"$ZSH_VERSION" || exit 1
`;
  const finish = `${place.lessSecure ? 'export LESSSECURE=1' : ''}
${armText(p)}
[[ $${p}u == $HOME ]] && unset ZDOTDIR || ZDOTDIR=$${p}u
readonly ${p}k ${p}d
${p}ask U '${nonce}'$'\\037zsh\\037'"$ZSH_VERSION" || exit 1
`;
  return {
    '.zshenv': `${start}${user('.zshenv')}\n${back}\n`,
    '.zprofile': `${user('.zprofile')}\n${back}\n`,
    '.zshrc': `${user('.zshrc')}\n${back}\n[[ -o login ]] || { ${finish} }\n`,
    '.zlogin': `${user('.zlogin')}\n${finish}`,
  };
}

// A NUL would end the question in its middle, and what is behind it would run as well: it becomes a byte that makes it no text.
const askFunction = (p: string): string => `${p}ask() {
  emulate -L zsh
  setopt no_debug_before_cmd 2>/dev/null
  local IFS= f=$${p}d/r.$sysparams[pid] t=$sysparams[pid].$RANDOM$RANDOM$RANDOM r nul=$'\\0' other=$'\\377'
  ${p}v=D ${p}w=
  [[ -p $f ]] || "$${p}k" -m 666 "$f" 2>/dev/null || return 1
  {
    builtin printf 'W\\037%s\\037%.1025s\\0%s\\037%s\\037%s\\0' "$t" "\${\${PWD-}//$nul/}" "$1" "$t" "\${2//$nul/$other}" > "$${p}d/q" || return 1
    while builtin read -r -u 9 r; do
      [[ $r == "$t"?* ]] || continue
      r=\${r#"$t"}; ${p}v=$r[1] ${p}w=\${r:1}
      [[ $${p}v == N ]] || break
      builtin print -r -- $'\\r\\n'"$${p}w" > /dev/tty
      ${p}v=D
    done
  } 9<>"$f" 2>/dev/null
  [[ $sysparams[pid] == $$ ]] || command -p rm -f "$f"
  [[ $${p}v == [AGR] ]]
}`;

// In the incremental search Enter is a widget of its own: the search takes accept-line itself, without the widget.
const lineFunctions = (p: string): string => `${p}submit() { zle accept-line }
${p}accept() {
  local w=$WIDGET
  [[ $w != ${p}submit ]] || w=accept-line
  zle .expand-history 2>/dev/null
  if ${p}ask L1 "$PREBUFFER$BUFFER"; then
    [[ $${p}v == R ]] && BUFFER=$${p}w
    zle .$w
  else
    builtin print -r -- $'\\r\\n'"$${p}w" > /dev/tty
    BUFFER=
    zle .send-break
  fi
}`;

const commandFunction = (p: string): string => `${p}dbg() {
  (( ${p}on )) || return 0
  [[ -n \${${p}ok[x$1]-} ]] && return 0
  if ${p}ask C "$1"; then
    case $${p}v in
      G) ${p}ok[x$1]=1 ;;
      R) builtin eval "$${p}w"; return 1 ;;
    esac
    return 0
  fi
  builtin print -r -- "$${p}w" > /dev/tty
  builtin kill -INT $$
  return 1
}`;

const promptFunctions = (p: string, nonce: string): string => {
  const osc = (letter: string, data = ''): string => `%{\\e]7770;${nonce};${letter}${data}\\a%}`;
  return `${p}first() { local s=$?; ${p}on=0; ${p}ok=(); return $s }
${p}arm() { ${p}on=1; builtin print -n $'\\e]7770;${nonce};C\\a' }
${p}last() {
  local s=$?
  [[ $PROMPT == *'7770;${nonce};B'* ]] || PROMPT=$'${osc('A', ';%?')}'"$PROMPT"$'${osc('B')}'
  [[ $PROMPT2 == *'7770;${nonce};G'* ]] || PROMPT2=$'${osc('F')}'"$PROMPT2"$'${osc('G')}'
  [[ -z $RPROMPT || $RPROMPT == *'7770;${nonce};S'* ]] || RPROMPT=$'${osc('R')}'"$RPROMPT"$'${osc('S')}'
  preexec_functions=(\${preexec_functions:#${p}arm} ${p}arm)
  precmd_functions=(${p}first \${\${precmd_functions:#${p}first}:#${p}last} ${p}last)
  return $s
}`;
};

const armText = (p: string): string => `typeset -ga preexec_functions precmd_functions
preexec_functions+=(${p}arm)
precmd_functions=(${p}first $precmd_functions ${p}last)
# \`=command\` would be a second name for a program that no rule knows.
setopt no_equals debug_before_cmd
# What a redirection without a command runs is not seen before it runs.
typeset -gr NULLCMD READNULLCMD
for ${p}i in accept-line accept-and-hold accept-line-and-down-history accept-and-infer-next-history; do zle -N $${p}i ${p}accept; done
zle -N ${p}submit
for ${p}i in emacs viins vicmd; do
  bindkey -M $${p}i -r '^[h' '^[H' '^[?' 2>/dev/null
  bindkey -M $${p}i '^M' accept-line
  bindkey -M $${p}i '^J' accept-line
done
bindkey -M isearch '^M' ${p}submit
bindkey -M isearch '^J' ${p}submit
unset ${p}i
trap '[[ \${funcstack[1]-} == ${p}* ]] || ${p}dbg "$ZSH_DEBUG_CMD" || setopt err_exit' DEBUG`;
