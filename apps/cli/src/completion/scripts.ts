// The scripts that a shell sources. They hold no command names: each asks `ossaat __complete`,
// so that they stay right when the product changes.

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

const bash = `# ossaat completion for bash
_ossaat() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default; COMPREPLY=(); return ;;
      :folders) compopt -o dirnames; COMPREPLY=(); return ;;
      ?*) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(ossaat __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # A word that goes on behind a slash or colon gets no space.
  case \${COMPREPLY[0]-} in */ | *:) compopt -o nospace ;; esac
}
complete -o nosort -F _ossaat ossaat
`;

const zsh = `#compdef ossaat
# ossaat completion for zsh
_ossaat() {
  local line
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :files) _files; return ;;
      :folders) _files -/; return ;;
      ?*) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <(ossaat __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( $#candidates )) && _describe -V ossaat candidates
}
if [ "$funcstack[1]" = _ossaat ]; then
  _ossaat "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u; }
  compdef _ossaat ossaat
fi
`;

const fish = `# ossaat completion for fish
function __ossaat_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (ossaat __complete -- $words[2..-1] 2>/dev/null)
  switch "$lines[1]"
    case :files
      __fish_complete_path (commandline -ct)
    case :folders
      __fish_complete_directories (commandline -ct)
    case '*'
      printf '%s\\n' $lines
  end
end
complete -c ossaat -e
complete -c ossaat -k -f -a '(__ossaat_complete)'
`;

/** Where a person puts the line that loads the script. */
export const loading: Readonly<Record<Shell, string>> = {
  bash: "echo 'source <(ossaat completion bash)' >> ~/.bashrc",
  zsh: "echo 'source <(ossaat completion zsh)' >> ~/.zshrc",
  fish: "ossaat completion fish > ~/.config/fish/completions/ossaat.fish",
};

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
