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

set -l commands status is-healthy logs events explain show reload rebalance start stop restart scale kill wait map submit result jobs queue why check plan cat schema

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
complete -c pinionctl -n $fresh -a rebalance -d 'Reload, and choose all seats anew'
complete -c pinionctl -n $fresh -a start -d 'Start pools or workers'
complete -c pinionctl -n $fresh -a stop -d 'Stop pools or workers'
complete -c pinionctl -n $fresh -a restart -d 'Restart pools or workers'
complete -c pinionctl -n $fresh -a scale -d 'Change the number of a pool\'s workers'
complete -c pinionctl -n $fresh -a kill -d 'Send a signal'
complete -c pinionctl -n $fresh -a wait -d 'Wait until pools are at rest'
complete -c pinionctl -n $fresh -a map -d 'Run a job for each input'
complete -c pinionctl -n $fresh -a submit -d 'Queue jobs and print their ids'
complete -c pinionctl -n $fresh -a result -d 'Wait for jobs and print their results'
complete -c pinionctl -n $fresh -a jobs -d 'List, show, log, cancel or retry jobs'
complete -c pinionctl -n $fresh -a queue -d 'Pause, resume or drain a queue'
complete -c pinionctl -n $fresh -a why -d 'Say what a job waits for'
complete -c pinionctl -n $fresh -a check -d 'Check configuration files'
complete -c pinionctl -n $fresh -a plan -d 'Show which CPUs each worker would get'
complete -c pinionctl -n $fresh -a cat -d 'Print the effective configuration'
complete -c pinionctl -n $fresh -a schema -d 'Print the JSON Schema of the configuration'
complete -c pinionctl -n '__fish_seen_subcommand_from schema' -l reference -d 'Every key as a page of Markdown'
complete -c pinionctl -n '__fish_seen_subcommand_from schema' -l man -d 'Every key as an entry of the manual'

complete -c pinionctl -n '__fish_seen_subcommand_from map' -l name -x -d 'Goes on without us under this name'
complete -c pinionctl -n '__fish_seen_subcommand_from map' -l attach -x -d 'Go on with the map of that name'
complete -c pinionctl -n '__fish_seen_subcommand_from map' -l unordered -d 'Results as they finish'
complete -c pinionctl -n '__fish_seen_subcommand_from map' -l fail-fast -d 'The first failure cancels the others'
complete -c pinionctl -n '__fish_seen_subcommand_from map result' -l raw -d 'JSON texts without their quotes'
complete -c pinionctl -n '__fish_seen_subcommand_from map' -l progress -x -a 'auto bar lines json none' -d 'How progress is shown'
complete -c pinionctl -n '__fish_seen_subcommand_from map submit' -l priority -x -a '(seq 0 9)' -d '9 first'
complete -c pinionctl -n '__fish_seen_subcommand_from submit' -l key -x -d 'The same key gives the same job'
complete -c pinionctl -n '__fish_seen_subcommand_from submit' -l delay -x -d 'Not before so long from now'
complete -c pinionctl -n '__fish_seen_subcommand_from submit' -l wait -d 'Wait for room in a full queue'
complete -c pinionctl -n '__fish_seen_subcommand_from result' -l timeout -x -a '10s 30s 60s 5m' -d 'Give up after'
complete -c pinionctl -n '__fish_seen_subcommand_from jobs' -a 'list show log cancel retry' -d Verb
complete -c pinionctl -n '__fish_seen_subcommand_from jobs' -l failed -d 'Only those that failed'
complete -c pinionctl -n '__fish_seen_subcommand_from jobs' -l state -x -a 'delayed queued running done failed cancelled' -d 'Only those'
complete -c pinionctl -n '__fish_seen_subcommand_from jobs' -l limit -x -d 'At most so many'
complete -c pinionctl -n '__fish_seen_subcommand_from jobs' -l after -x -d 'Only ids above this one'
complete -c pinionctl -n '__fish_seen_subcommand_from queue' -a 'pause resume drain' -d Verb
complete -c pinionctl -n '__fish_seen_subcommand_from status is-healthy scale wait map submit queue' -a '(__pinionctl_live pools)' -d Pool
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
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l rebalance -d 'With all seats chosen anew'
complete -c pinionctl -n '__fish_seen_subcommand_from status' -l pins -d 'Where each worker sits'
complete -c pinionctl -n '__fish_seen_subcommand_from status plan' -l draw -d 'Draw the machine with the seats in it'
complete -c pinionctl -n '__fish_seen_subcommand_from status plan' -l svg -r -F -d 'Draw into this file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l explain -x -a '(__pinionctl_live workers)' -d 'Why this seat'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l lock -d 'Write the seats to a lock file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l check -d 'Fail where a seat differs from the lock file'
complete -c pinionctl -n '__fish_seen_subcommand_from plan' -l lock-file -r -F -d 'The lock file'
