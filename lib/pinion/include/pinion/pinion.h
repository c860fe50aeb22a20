// SPDX-License-Identifier: Apache-2.0
// The whole library at once.
#pragma once

#include <pinion/barrier.h>
#include <pinion/codec.h>
#include <pinion/condition.h>
#include <pinion/death.h>
#include <pinion/errors.h>
#include <pinion/event.h>
#include <pinion/job_client.h>
#include <pinion/job_worker.h>
#include <pinion/lock.h>
#include <pinion/pool.h>
#include <pinion/process.h>
#include <pinion/queue.h>
#include <pinion/semaphore.h>
#include <pinion/shared_memory.h>
