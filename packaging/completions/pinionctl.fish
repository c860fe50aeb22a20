# SPDX-License-Identifier: Apache-2.0
# fish completion for pinionctl: commands, options, and the live names of pools and workers.

# The words of `pinionctl completion-words KIND`, asked of the daemon that --runtime-dir on the line names.
function __pinionctl_live
    set -l line (commandline -opc)
    set -l runtime
    for i in (seq (count $line))
        switch $line[$i]
            case --runtime-dir
                test $i -lt (count $line); and set runtime --runtime-dir $line[(math $i + 1)]
            case '--runtime-dir=*'
                set runtime $line[$i]
        end
    end
    command pinionctl $runtime completion-words $argv[1] 2>/dev/null
end

set -l commands status is-healthy logs events explain show reload start stop restart scale kill wait check plan cat schema

complete -c pinionctl -f

complete -c pinionctl -s h -l help -d 'Show help'
complete -c pinionctl -l version -d 'Show the version'
complete -c pinionctl -l runtime-dir -x -a '(__fish_complete_directories)' -d 'The daemon\'s runtime folder'
complete -c pinionctl -l config -r -F -d 'The configuration: a file or a folder'
complete -c pinionctl -l json -d 'One JSON document'
complete -c pinionctl -s o -l output -x -a 'json jsonl (__pinionctl_live columns)' -d 'json, jsonl, or columns'
complete -c pinionctl -l color -x -a 'auto always never' -d 'When to colour'

set -l fresh "not __fish_seen_subcommand_from $commands"
complete -c pinionctl -n $fresh -a status -d 'Show all pools, or one pool\'s workers'
complete -c pinionctl -n $fresh -a is-healthy -d 'Exit 0 where all is well, 3 where not'
complete -c pinionctl -n $fresh -a logs -d 'Show what workers wrote'
complete -c pinionctl -n $fresh -a events -d 'Show what happened'
complete -c pinionctl -n $fresh -a explain -d 'Say why a worker is in its state'
complete -c pinionctl -n $fresh -a show -d 'Print all that is known, as KEY=VALUE'
complete -c pinionctl -n $fresh -a reload -d 'Read the configuration again'
complete -c pinionctl -n $fresh -a start -d 'Start pools or workers'
complete -c pinionctl -n $fresh -a stop -d 'Stop pools or workers'
complete -c pinionctl -n $fresh -a restart -d 'Restart pools or workers'
complete -c pinionctl -n $fresh -a scale -d 'Change the number of a pool\'s workers'
complete -c pinionctl -n $fresh -a kill -d 'Send a signal'
complete -c pinionctl -n $fresh -a wait -d 'Wait until pools are at rest'
complete -c pinionctl -n $fresh -a check -d 'Check configuration files'
complete -c pinionctl -n $fresh -a plan -d 'Show which CPUs each worker would get'
complete -c pinionctl -n $fresh -a cat -d 'Print the effective configuration'
complete -c pinionctl -n $fresh -a schema -d 'Print the JSON Schema of the configuration'
complete -c pinionctl -n '__fish_seen_subcommand_from schema' -l reference -d 'Every key as a page of Markdown'
complete -c pinionctl -n '__fish_seen_subcommand_from schema' -l man -d 'Every key as an entry of the manual'

complete -c pinionctl -n '__fish_seen_subcommand_from status is-healthy scale wait' -a '(__pinionctl_live pools)' -d Pool
complete -c pinionctl -n '__fish_seen_subcommand_from explain' -a '(__pinionctl_live workers)' -d Worker
complete -c pinionctl -n '__fish_seen_subcommand_from start stop restart kill logs show' -a '(__pinionctl_live targets)' -d Target
complete -c pinionctl -n '__fish_seen_subcommand_from check plan' -F

complete -c pinionctl -n '__fish_seen_subcommand_from status' -l watch -d 'Stay, and redraw'
complete -c pinionctl -n '__fish_seen_subcommand_from status' -l wide -d 'Every column, nothing cut'
complete -c pinionctl -n '__fish_seen_subcommand_from status' -l sort -x -a 'name state' -d 'Order'
complete -c pinionctl -n '__fish_seen_subcommand_from logs events' -s f -l follow -d 'Stay, and show what comes'
complete -c pinionctl -n '__fish_seen_subcommand_from logs events' -s n -l lines -x -d 'How many lines'
complete -c pinionctl -n '__fish_seen_subcommand_from show' -s p -l property -x -d 'Only these keys'
complete -c pinionctl -n '__fish_seen_subcommand_from start stop restart scale' -l no-wait -d 'Don\'t wait until it is done'
complete -c pinionctl -n '__fish_seen_subcommand_from start stop restart scale wait' -l timeout -x -a '10s 30s 60s 5m' -d 'Wait at most so long'
complete -c pinionctl -n '__fish_seen_subcommand_from kill' -s s -l signal -x -a '(__pinionctl_live signals)' -d 'The signal'
complete -c pinionctl -n '__fish_seen_subcommand_from wait' -l ready -d 'Until healthy'
complete -c pinionctl -n '__fish_seen_subcommand_from check' -l strict -d 'Warnings fail too'
complete -c pinionctl -n '__fish_seen_subcommand_from check' -l as -r -F -d 'In the place of this file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l topology -r -F -d 'Another machine'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l against -r -F -d 'Compare with this configuration'
complete -c pinionctl -n '__fish_seen_subcommand_from status' -l pins -d 'Where each worker sits'
complete -c pinionctl -n '__fish_seen_subcommand_from status plan' -l draw -d 'Draw the machine with the seats in it'
complete -c pinionctl -n '__fish_seen_subcommand_from status plan' -l svg -r -F -d 'Draw into this file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l explain -x -a '(__pinionctl_live workers)' -d 'Why this seat'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l lock -d 'Write the seats to a lock file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l check -d 'Fail where a seat differs from the lock file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l lock-file -r -F -d 'The lock file'
