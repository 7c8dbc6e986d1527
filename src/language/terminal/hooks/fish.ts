/**
 * Hooks for fish 3 and later, as text: sourced after the person's own configuration (`fish -C`).
 *
 * - Line level: every key that executes the command line asks; an abbreviation at the cursor is expanded first, by an Enter of its own.
 * - There is no command level: fish_preexec has no veto. What functions and `eval` run is judged only as far as the
 *   analysis of the line sees it.
 *
 * fish cannot open a FIFO for reading and writing, so replies come through `m`, which the side script keeps open.
 */
import type { HookPlace } from './bash.ts';

export function fishHooks(place: HookPlace): string {
  const { prefix: p, nonce } = place.names;
  const mark = (letter: string, data = ''): string => `\\e]7770;${nonce};${letter}${data}\\a`;
  return `set -g ${p}w ''
function ${p}ask
  set -l t m.(random)(random 1 1000000)
  printf 'W\\037%s\\037%.1025s\\0%s\\037%s\\037%s\\0' $t "$PWD" $argv[1] $t (string collect -- $argv[2]) > '${place.directory}/q'; or return 1
  while read -l r < '${place.directory}/m'
    string match -q -- $t'?*' "$r"; or continue
    set r (string sub -s (math (string length -- $t) + 1) -- "$r")
    set -l v (string sub -l 1 -- "$r")
    set -g ${p}w (string sub -s 2 -- "$r")
    switch $v
      case N
        printf '\\n%s\\n' "$${p}w" > /dev/tty
      case A G
        return 0
      case R
        commandline -r -- "$${p}w"
        return 0
      case '*'
        return 1
    end
  end
  return 1
end
function ${p}accept
  if abbr -q -- (commandline -t) 2>/dev/null
    # What runs must be what was asked: the first Enter shows what the abbreviation stands for.
    commandline -f expand-abbr
    return
  end
  commandline --is-valid
  if test $status -eq 2
    ${p}ask P ''; and commandline -f execute
    return
  end
  set -l l (commandline | string collect)
  if ${p}ask L1 "$l"
    commandline -f execute
  else
    printf '\\n%s\\n' "$${p}w"
    commandline -r ''
    commandline -f repaint
  end
end
${p}ask H '${nonce}'\\x1ffish\\x1f"$version"; or exit 1
functions -q fish_prompt; or function fish_prompt; printf '> '; end
functions -c fish_prompt ${p}prompt
function fish_prompt
  set -l s $status
  printf '${mark('A', ';%s')}' $s
  ${p}status $s
  ${p}prompt
  printf '${mark('B')}'
end
function ${p}status; return $argv[1]; end
function ${p}run --on-event fish_preexec; printf '${mark('C')}'; end
# At each prompt: choosing other key bindings takes effect there, and takes these away.
function ${p}keys --on-event fish_prompt
  for m in default insert visual replace replace_one
    for k in \\r \\n
      bind -M $m $k ${p}accept 2>/dev/null
    end
  end
  bind \\ee '' 2>/dev/null
  bind \\ev '' 2>/dev/null
end
${p}keys
${place.lessSecure ? 'set -gx LESSSECURE 1' : ''}
${p}ask U '${nonce}'\\x1ffish\\x1f"$version"; or exit 1
`;
}
