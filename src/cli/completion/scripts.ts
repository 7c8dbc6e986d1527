/**
 * The shells' side of completion: a few lines each, which ask `sallyport __complete` for candidates, so that they never
 * go out of date.
 *
 * What `__complete` answers: one candidate a line, `word TAB description`; a line `:file` or `:directory` asks the shell
 * to complete paths.
 */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const bash = `# Completion of sallyport for bash. Load it with: source <(sallyport completion bash)
_sallyport() {
  local current="\${COMP_WORDS[COMP_CWORD]}" line word
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :file) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current") ;;
      :directory) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "$current" 2>/dev/null)
}
complete -F _sallyport sallyport
`;

const zsh = `#compdef sallyport
# Completion of sallyport for zsh. Load it with: source <(sallyport completion zsh)
_sallyport() {
  local -a candidates
  local line word
  while IFS= read -r line; do
    case "$line" in
      :file) _files ;;
      :directory) _files -/ ;;
      *) word="\${line%%$'\\t'*}"; candidates+=("\${word//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "\${words[CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe sallyport candidates
}
if [ "$funcstack[1]" = "_sallyport" ]; then _sallyport "$@"; else compdef _sallyport sallyport; fi
`;

const fish = `# Completion of sallyport for fish. Load it with: sallyport completion fish | source
function __sallyport_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$current"
            case :directory
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c sallyport -f -a '(__sallyport_complete)'
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
