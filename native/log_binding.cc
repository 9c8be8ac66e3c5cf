// LogThreads for JavaScript: new LogThreads(state: Float64Array, onComplete). See log_threads.h for what it does.
//
// The state array is written here, on the main thread only, so that JavaScript reads it without a crossing and without a
// race. Its layout, in Float64 elements (src/platform/log_io.ts has the same):
//
//   0 written ticket      2 settled write ticket     4 bytes written of the failed job    6 writes in all, µs
//   1 write errno         3 failed write ticket      5 last write, µs                     7 (reserved)
//
// and for each of the eight lanes of syncs, from 8 + 4 * lane on:
//
//   0 synced ticket       1 sync errno               2 settled sync ticket                3 last sync, µs
//
// Lifetime: a strong reference to the object is held until close() or the end of the environment, because threads and
// libuv know its address.
#include "log_binding.h"

#include <sys/eventfd.h>
#include <uv.h>

#include "call.h"
#include "log_threads.h"

namespace emberlog {

constexpr size_t kLaneState = 8;
constexpr size_t kLaneLength = 4;
constexpr size_t kStateLength = kLaneState + kLaneLength * kSyncLanes;
constexpr napi_type_tag kLogTag = {0x9d1c2a64e1f04b7aULL, 0xb3f5b0a7c6d84e11ULL};

class LogObject {
 public:
  LogObject(napi_env env, double* state) : env_(env), state_(state) {}

  napi_env env_;
  LogThreads threads_;
  double* state_;
  napi_ref self_ = nullptr;
  napi_ref stateReference_ = nullptr;
  napi_ref onComplete_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t poll_;
  bool pollOpen_ = false;
  bool watching_ = false;
  bool closing_ = false;
  bool environmentEnding_ = false;
  bool finalized_ = false;
  double queuedWrites_ = 0;  // tickets, to know when everything is settled
  double queuedSyncs_[kSyncLanes] = {};

  double* laneState(size_t lane) const { return state_ + kLaneState + kLaneLength * lane; }

  bool syncsOutstanding() const {
    for (size_t i = 0; i < kSyncLanes; i++) {
      if (laneState(i)[2] < queuedSyncs_[i]) return true;
    }
    return false;
  }

  bool outstanding() const { return state_[2] < queuedWrites_ || syncsOutstanding(); }

  // The process stays alive while work is under way and nobody else watches.
  void holdLoop() {
    if (!pollOpen_ || closing_) return;
    if (watching_ && outstanding()) {
      uv_ref(reinterpret_cast<uv_handle_t*>(&poll_));
    } else {
      uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    }
  }

  bool publish() {
    LogProgress written;
    LogProgress synced[kSyncLanes];
    std::vector<void*> keeps;
    if (!threads_.collect(&written, synced, &keeps)) return false;
    for (void* keep : keeps) napi_delete_reference(env_, static_cast<napi_ref>(keep));
    state_[0] = written.doneTicket;
    state_[1] = written.error;
    state_[2] = written.settledTicket;
    state_[3] = written.failedTicket;
    state_[4] = written.failedBytes;
    state_[5] = written.lastUs;
    state_[6] = written.totalUs;
    for (size_t i = 0; i < kSyncLanes; i++) {
      double* lane = laneState(i);
      lane[0] = synced[i].doneTicket;
      lane[1] = synced[i].error;
      lane[2] = synced[i].settledTicket;
      lane[3] = synced[i].lastUs;
    }
    holdLoop();
    return true;
  }

  static void onReadable(uv_poll_t* poll, int status, int events) {
    auto* log = static_cast<LogObject*>(poll->data);
    eventfd_t count;
    eventfd_read(log->threads_.descriptor(), &count);
    napi_handle_scope handles;
    if (napi_open_handle_scope(log->env_, &handles) != napi_ok) return;
    if (log->publish()) log->callBack();
    napi_close_handle_scope(log->env_, handles);
  }

  void callBack() {
    napi_value function = nullptr;
    napi_value receiver = nullptr;
    napi_callback_scope scope = nullptr;
    if (napi_get_reference_value(env_, onComplete_, &function) != napi_ok || function == nullptr) return;
    napi_get_reference_value(env_, self_, &receiver);
    if (napi_open_callback_scope(env_, receiver, context_, &scope) != napi_ok) return;
    napi_value result = nullptr;
    callFunction(env_, receiver, function, 0, nullptr, &result);
    napi_close_callback_scope(env_, scope);
  }

  void close() {
    if (closing_) return;
    closing_ = true;
    threads_.close();
    if (!environmentEnding_) publish();
    if (pollOpen_) {
      uv_poll_stop(&poll_);
      uv_close(reinterpret_cast<uv_handle_t*>(&poll_), onClosed);
    }
  }

  static void onClosed(uv_handle_t* handle) {
    auto* log = static_cast<LogObject*>(handle->data);
    log->pollOpen_ = false;
    if (log->hook_ != nullptr) {
      napi_remove_async_cleanup_hook(log->hook_);
      log->hook_ = nullptr;
    }
    if (!log->environmentEnding_) {
      napi_handle_scope handles;
      napi_open_handle_scope(log->env_, &handles);
      napi_async_destroy(log->env_, log->context_);
      for (napi_ref* reference : {&log->onComplete_, &log->stateReference_, &log->self_}) {
        napi_delete_reference(log->env_, *reference);
        *reference = nullptr;
      }
      napi_close_handle_scope(log->env_, handles);
    }
    if (log->finalized_) delete log;
  }

  static void onEnvironmentEnd(napi_async_cleanup_hook_handle handle, void* data) {
    auto* log = static_cast<LogObject*>(data);
    log->environmentEnding_ = true;
    log->close();
  }

  static void finalize(napi_env env, void* data, void* hint) {
    auto* log = static_cast<LogObject*>(data);
    log->finalized_ = true;
    if (!log->pollOpen_) delete log;
  }
};

namespace {

napi_value construct(napi_env env, napi_callback_info info) {
  Call<2> call(env, info);
  size_t length = 0;
  double* state = call.arrayOf<double>(0, napi_float64_array, &length);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.value(1), &type);
  if (call.ok() && type != napi_function) call.fail("a function is expected");
  if (call.ok() && length < kStateLength) call.failRange("the state array is too short");
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  if (!call.ok()) return nullptr;
  auto* log = new LogObject(env, state);
  if (log->threads_.openError() != 0 || uv_poll_init(loop, &log->poll_, log->threads_.descriptor()) != 0) {
    delete log;
    napi_throw_error(env, "NATIVE_UNAVAILABLE", "the log's eventfd could not be made");
    return nullptr;
  }
  log->poll_.data = log;
  log->pollOpen_ = true;
  log->watching_ = true;
  uv_poll_start(&log->poll_, UV_READABLE, LogObject::onReadable);
  napi_wrap(env, call.receiver(), log, LogObject::finalize, nullptr, nullptr);
  napi_type_tag_object(env, call.receiver(), &kLogTag);
  napi_create_reference(env, call.receiver(), 1, &log->self_);
  napi_create_reference(env, call.value(0), 1, &log->stateReference_);
  napi_create_reference(env, call.value(1), 1, &log->onComplete_);
  napi_value name = nullptr;
  napi_create_string_utf8(env, "emberlog:log", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, call.receiver(), name, &log->context_);
  napi_add_async_cleanup_hook(env, LogObject::onEnvironmentEnd, log, &log->hook_);
  log->holdLoop();
  return call.receiver();
}

// write(fd, array, offset, length, filePosition, ticket)
napi_value writeCall(napi_env env, napi_callback_info info) {
  Call<6> call(env, info);
  auto* log = call.self<LogObject>();
  const int fd = call.int32(0);
  const Bytes bytes = call.range(1);
  const uint64_t position = call.size(4);
  const double ticket = call.number(5);
  if (call.ok() && log->closing_) call.failRange("the log is closed");
  if (call.ok() && !(ticket > log->queuedWrites_)) call.failRange("tickets must grow");
  if (!call.ok()) return nullptr;
  napi_ref keep = nullptr;
  if (napi_create_reference(env, call.value(1), 1, &keep) != napi_ok) {
    call.fail("the bytes could not be kept");
    return nullptr;
  }
  log->queuedWrites_ = ticket;
  log->threads_.write(fd, bytes.data, bytes.length, position, ticket, keep);
  log->holdLoop();
  return nullptr;
}

// sync(lane, fd, ticket)
napi_value syncCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  auto* log = call.self<LogObject>();
  const uint64_t lane = call.size(0);
  const int fd = call.int32(1);
  const double ticket = call.number(2);
  if (call.ok() && log->closing_) call.failRange("the log is closed");
  if (call.ok() && lane >= kSyncLanes) call.failRange("there is no such lane");
  if (call.ok() && !(ticket > log->queuedSyncs_[lane])) call.failRange("tickets must grow");
  if (!call.ok()) return nullptr;
  log->queuedSyncs_[lane] = ticket;
  log->threads_.sync(lane, fd, ticket);
  log->holdLoop();
  return nullptr;
}

// writeNow(fd, array, offset, length, filePosition): bytes written, fewer than asked when the next try would fail, or
// -errno when nothing was.
napi_value writeNowCall(napi_env env, napi_callback_info info) {
  Call<5> call(env, info);
  const int fd = call.int32(0);
  const Bytes bytes = call.range(1);
  const uint64_t position = call.size(4);
  if (!call.ok()) return nullptr;
  int error = 0;
  const size_t written = writeFully(fd, bytes.data, bytes.length, position, &error);
  if (written == 0 && error != 0) return call.returnNumber(-error);
  return call.returnNumber(static_cast<double>(written));
}

// poll(): copies the progress into the state array now. True when something has changed.
napi_value pollCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  auto* log = call.self<LogObject>();
  if (!call.ok()) return nullptr;
  napi_value result = nullptr;
  napi_get_boolean(env, !log->closing_ && log->publish(), &result);
  return result;
}

// clearError(ofSync)
napi_value clearErrorCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* log = call.self<LogObject>();
  const bool ofSync = call.boolean(0);
  if (!call.ok() || log->closing_) return nullptr;
  log->publish();
  const bool outstanding = ofSync ? log->syncsOutstanding() : log->state_[2] < log->queuedWrites_;
  if (outstanding) {
    call.failRange("jobs are still queued");
    return nullptr;
  }
  log->threads_.clearError(ofSync);
  log->publish();
  return nullptr;
}

// close(): finishes what is queued, then ends the threads.
napi_value closeCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  auto* log = call.self<LogObject>();
  if (call.ok()) log->close();
  return nullptr;
}

}  // namespace

LogObject* logObjectOf(napi_env env, napi_value value) {
  bool tagged = false;
  void* native = nullptr;
  if (napi_check_object_type_tag(env, value, &kLogTag, &tagged) != napi_ok || !tagged) return nullptr;
  if (napi_unwrap(env, value, &native) != napi_ok) return nullptr;
  return static_cast<LogObject*>(native);
}

int logDescriptor(LogObject* log) { return log->threads_.descriptor(); }

void logWatchOneself(LogObject* log, bool watch) {
  if (log->closing_ || log->watching_ == watch) return;
  log->watching_ = watch;
  if (watch) {
    uv_poll_start(&log->poll_, UV_READABLE, LogObject::onReadable);
  } else {
    uv_poll_stop(&log->poll_);
  }
  log->holdLoop();
}

bool logPublish(napi_env env, LogObject* log) { return !log->closing_ && log->publish(); }

void exportLog(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      EMBERLOG_METHOD("write", writeCall),   EMBERLOG_METHOD("writeNow", writeNowCall),
      EMBERLOG_METHOD("sync", syncCall),     EMBERLOG_METHOD("poll", pollCall),
      EMBERLOG_METHOD("close", closeCall),   EMBERLOG_METHOD("clearError", clearErrorCall),
  };
  napi_value constructor = nullptr;
  napi_define_class(env, "LogThreads", NAPI_AUTO_LENGTH, construct, nullptr, sizeof(methods) / sizeof(methods[0]),
                    methods, &constructor);
  napi_set_named_property(env, exports, "LogThreads", constructor);
}

}  // namespace emberlog
