# bash completion for whystall
_whystall()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} subcommand= i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) return ;;   # the command's own words
		record|report|causes|check|demo) subcommand=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $before in
	-f|--format) COMPREPLY=($(compgen -W 'text json' -- "$word")); return ;;
	-o|--output|--redact-key) COMPREPLY=($(compgen -f -- "$word")); return ;;
	-p|--pid) COMPREPLY=($(compgen -W "$(cd /proc && echo [0-9]*)" -- "$word")); return ;;
	--cgroup) COMPREPLY=($(compgen -d -- "$word")); return ;;
	-d|--duration) return ;;
	esac
	local options
	case $subcommand in
	record) options='--duration --output --pid --cgroup --no-command-lines --quiet --help' ;;
	report) options='--format --exit-code --redact --redact-key --help'
		[[ $word == -* ]] || { COMPREPLY=($(compgen -f -- "$word")); return; } ;;
	causes) options='--format --help'
		[[ $word == -* ]] || { COMPREPLY=($(compgen -W "$(whystall causes 2>/dev/null | awk '$1 ~ /^[a-z]+\.[a-z]+$/ {print $1}')" -- "$word")); return; } ;;
	check) options='--format --help' ;;
	demo) options='--list --duration --output --no-command-lines --quiet --help'
		[[ $word == -* ]] || { COMPREPLY=($(compgen -W "$(whystall demo --list 2>/dev/null | awk '{print $1}')" -- "$word")); return; } ;;
	*) options='record report causes check demo --duration --output --pid --cgroup --no-command-lines --format --exit-code --redact --redact-key --quiet --help --version' ;;
	esac
	COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -F _whystall whystall
