# SPDX-License-Identifier: Apache-2.0
# bash completion for pinionctl: commands, options, and the live names of pools and workers.

_pinionctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local global="-h --help --version --runtime-dir --config --json -o --output --color"
    local commands="status is-healthy logs events explain show reload rebalance start stop restart scale kill wait map submit result jobs queue why check plan cat schema"
    local command="" i word runtime=()
    COMPREPLY=()

    # The command is the first word that is neither an option nor an option's value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --runtime-dir) runtime=(--runtime-dir "${COMP_WORDS[i + 1]}"); ((i++)) ;;
            --runtime-dir=*) runtime=("$word") ;;
            --config | -o | --output | --color) ((i++)) ;;
            -*) ;;
            *) if [[ -z $command ]]; then command=$word; fi ;;
        esac
    done
    _pinionctl_live() {
        COMPREPLY=($(compgen -W "$(command pinionctl "${runtime[@]}" completion-words "$1" 2>/dev/null)" -- "$cur"))
    }

    case $prev in
        --runtime-dir) COMPREPLY=($(compgen -d -- "$cur")); return ;;
        --config | --against | --topology | --as | --svg | --lock-file) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        --color) COMPREPLY=($(compgen -W "auto always never" -- "$cur")); return ;;
        --sort) COMPREPLY=($(compgen -W "name state" -- "$cur")); return ;;
        --progress) COMPREPLY=($(compgen -W "auto bar lines json none" -- "$cur")); return ;;
        --state) COMPREPLY=($(compgen -W "delayed queued running done failed cancelled" -- "$cur")); return ;;
        --priority) COMPREPLY=($(compgen -W "0 1 2 3 4 5 6 7 8 9" -- "$cur")); return ;;
        --name | --attach | --key | --delay | --limit | --after) return ;;
        --timeout) COMPREPLY=($(compgen -W "10s 30s 60s 5m" -- "$cur")); return ;;
        --explain) _pinionctl_live workers; return ;;
        -s | --signal) _pinionctl_live signals; return ;;
        -n | --lines | -p | --property) return ;;
        -o | --output)
            if [[ $command == status ]]; then _pinionctl_live columns; fi
            COMPREPLY+=($(compgen -W "json jsonl" -- "$cur"))
            return
            ;;
    esac

    if [[ -z $command ]]; then
        COMPREPLY=($(compgen -W "$commands $global" -- "$cur"))
        return
    fi
    if [[ $cur == -* ]]; then
        local own=""
        case $command in
            status) own="--watch --wide --sort --pins --draw --svg" ;;
            logs | events) own="-f --follow -n --lines" ;;
            show) own="-p --property" ;;
            start | stop | restart | scale) own="--no-wait --timeout" ;;
            kill) own="-s --signal" ;;
            wait) own="--ready --timeout" ;;
            map) own="--name --attach --unordered --fail-fast --raw --priority --progress" ;;
            submit) own="--key --priority --delay --wait" ;;
            result) own="--raw --timeout" ;;
            jobs) own="--failed --state --limit --after" ;;
            check) own="--strict --as" ;;
            plan) own="--topology --against --rebalance --draw --svg --explain --lock --check --lock-file" ;;
            schema) own="--reference --man" ;;
        esac
        COMPREPLY=($(compgen -W "$own $global" -- "$cur"))
        return
    fi
    case $command in
        status | is-healthy | scale | wait | map | submit) _pinionctl_live pools ;;
        jobs)
            if [[ $prev == jobs ]]; then
                COMPREPLY=($(compgen -W "list show log cancel retry" -- "$cur"))
            elif [[ $prev == list ]]; then
                _pinionctl_live pools
            fi
            ;;
        queue)
            if [[ $prev == queue ]]; then
                COMPREPLY=($(compgen -W "pause resume drain" -- "$cur"))
            else
                _pinionctl_live pools
            fi
            ;;
        explain) _pinionctl_live workers ;;
        start | stop | restart | kill | logs | show) _pinionctl_live targets ;;
        check | plan) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}

complete -F _pinionctl pinionctl
