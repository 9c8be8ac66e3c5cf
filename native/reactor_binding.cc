// The reactor for JavaScript and libuv:
//
//   new Reactor(input, inputTable, output, outputTable, queuedBytes, connectionBytesMax, queuedBytesMax, onTurn)
//
// The typed arrays belong to JavaScript; they are referenced, and must not be detached, until stop().
// libuv polls the epoll descriptor, so that timers, promises and other handles live beside it. While work is left over
// an idle handle brings us back without blocking and after the timers. All turns of one wake-up share one callback scope:
// promises and nextTick callbacks run when it ends, at most about a millisecond later.
//
// Lifetime: a strong reference to the object is held until stop() or the end of the environment.
#include <cerrno>
#include <uv.h>

#include "call.h"
#include "listener.h"
#include "log_binding.h"
#include "reactor.h"

namespace emberlog {
namespace {

constexpr uint64_t kAcceptPauseMs = 100;
// A released connection whose peer takes nothing for this long is dropped.
constexpr uint64_t kLingerMs = 15 * 1000;
constexpr int kReferences = 6;

class ReactorObject final : public ReactorHost {
 public:
  ReactorObject(napi_env env, const Regions& regions) : env_(env), reactor_(this, regions) {}

  napi_env env_;
  Reactor reactor_;
  napi_ref self_ = nullptr;
  napi_ref onTurn_ = nullptr;
  napi_ref arrays_[kReferences - 1] = {};
  napi_ref logReference_ = nullptr;
  LogObject* log_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t poll_;
  uv_idle_t idle_;
  uv_timer_t timer_;
  uv_timer_t lingerTimer_;
  int openHandles_ = 0;
  bool stopping_ = false;
  bool closed_ = false;
  bool environmentEnding_ = false;
  bool finalized_ = false;

  int32_t turn(int32_t rows) override {
    napi_handle_scope handles;
    if (napi_open_handle_scope(env_, &handles) != napi_ok) return 0;
    napi_value function = nullptr;
    napi_value receiver = nullptr;
    napi_value argument = nullptr;
    napi_value result = nullptr;
    int32_t outputRows = 0;
    napi_get_reference_value(env_, onTurn_, &function);
    napi_get_reference_value(env_, self_, &receiver);
    napi_create_int32(env_, rows, &argument);
    if (callFunction(env_, receiver, function, 1, &argument, &result)) {
      napi_get_value_int32(env_, result, &outputRows);
    }
    napi_close_handle_scope(env_, handles);
    return outputRows;
  }

  bool logAdvanced() override { return log_ != nullptr && logPublish(env_, log_); }

  void acceptPaused() override { uv_timer_start(&timer_, onTimer, kAcceptPauseMs, 0); }

  void lingerBegan() override {
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&lingerTimer_)) != 0) return;
    uv_timer_start(&lingerTimer_, onLingerTimer, kLingerMs, kLingerMs);
  }

  static void onLingerTimer(uv_timer_t* timer) {
    auto* object = static_cast<ReactorObject*>(timer->data);
    if (!object->reactor_.dropStuck()) uv_timer_stop(timer);
    object->schedule();
  }

  void run() {
    if (closed_ || reactor_.running()) return;
    napi_handle_scope handles;
    if (napi_open_handle_scope(env_, &handles) != napi_ok) return;
    napi_value receiver = nullptr;
    napi_callback_scope scope = nullptr;
    napi_get_reference_value(env_, self_, &receiver);
    if (napi_open_callback_scope(env_, receiver, context_, &scope) == napi_ok) {
      reactor_.run();
      napi_close_callback_scope(env_, scope);
    }
    napi_close_handle_scope(env_, handles);
    if (stopping_) {
      finishStop();
    } else {
      schedule();
    }
  }

  // After anything that may have left work for the next turn.
  void schedule() {
    if (closed_ || reactor_.running()) return;
    if (reactor_.workLeft()) {
      uv_idle_start(&idle_, onIdle);
    } else {
      uv_idle_stop(&idle_);
    }
  }

  static void onReadable(uv_poll_t* poll, int status, int events) { static_cast<ReactorObject*>(poll->data)->run(); }
  static void onIdle(uv_idle_t* idle) { static_cast<ReactorObject*>(idle->data)->run(); }
  static void onTimer(uv_timer_t* timer) {
    auto* object = static_cast<ReactorObject*>(timer->data);
    object->reactor_.resumeAccepting();
    object->schedule();
  }

  bool start(uv_loop_t* loop) {
    if (reactor_.open() != 0) return false;
    if (uv_poll_init(loop, &poll_, reactor_.descriptor()) != 0) return false;
    uv_idle_init(loop, &idle_);
    uv_timer_init(loop, &timer_);
    uv_timer_init(loop, &lingerTimer_);
    openHandles_ = 4;
    poll_.data = idle_.data = timer_.data = lingerTimer_.data = this;
    uv_poll_start(&poll_, UV_READABLE, onReadable);
    return true;
  }

  void stop() {
    if (stopping_) return;
    stopping_ = true;
    reactor_.endRun();
    if (!reactor_.running()) finishStop();
  }

  void finishStop() {
    if (closed_) return;
    closed_ = true;
    detachLog();
    uv_poll_stop(&poll_);
    reactor_.closeAll();
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), onClosed);
    uv_close(reinterpret_cast<uv_handle_t*>(&idle_), onClosed);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), onClosed);
    uv_close(reinterpret_cast<uv_handle_t*>(&lingerTimer_), onClosed);
  }

  void detachLog() {
    if (log_ == nullptr) return;
    reactor_.unwatchLog(logDescriptor(log_));
    if (!environmentEnding_) {
      logWatchOneself(log_, true);
      napi_delete_reference(env_, logReference_);
    }
    log_ = nullptr;
    logReference_ = nullptr;
  }

  static void onClosed(uv_handle_t* handle) {
    auto* object = static_cast<ReactorObject*>(handle->data);
    object->openHandles_--;
    if (object->openHandles_ > 0) return;
    if (object->hook_ != nullptr) {
      napi_remove_async_cleanup_hook(object->hook_);
      object->hook_ = nullptr;
    }
    if (!object->environmentEnding_) {
      napi_handle_scope handles;
      napi_open_handle_scope(object->env_, &handles);
      napi_async_destroy(object->env_, object->context_);
      for (napi_ref reference : object->arrays_) napi_delete_reference(object->env_, reference);
      napi_delete_reference(object->env_, object->onTurn_);
      napi_delete_reference(object->env_, object->self_);
      napi_close_handle_scope(object->env_, handles);
    }
    if (object->finalized_) delete object;
  }

  static void onEnvironmentEnd(napi_async_cleanup_hook_handle handle, void* data) {
    auto* object = static_cast<ReactorObject*>(data);
    object->environmentEnding_ = true;
    if (object->closed_) return;  // the last handle's closing removes the hook
    object->stopping_ = true;
    object->finishStop();
  }

  static void finalize(napi_env env, void* data, void* hint) {
    auto* object = static_cast<ReactorObject*>(data);
    object->finalized_ = true;
    if (object->openHandles_ == 0) delete object;
  }
};

napi_value construct(napi_env env, napi_callback_info info) {
  Call<8> call(env, info);
  Regions regions;
  size_t inputWords = 0;
  size_t outputWords = 0;
  size_t connections = 0;
  const Bytes input = call.array(0);
  regions.inputTable = call.arrayOf<int32_t>(1, napi_int32_array, &inputWords);
  const Bytes output = call.array(2);
  regions.outputTable = call.arrayOf<int32_t>(3, napi_int32_array, &outputWords);
  regions.queuedBytes = call.arrayOf<double>(4, napi_float64_array, &connections);
  const uint64_t connectionBytesMax = call.size(5);
  const uint64_t queuedBytesMax = call.size(6);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.value(7), &type);
  if (type != napi_function) call.fail("a function is expected");
  if (call.ok() && (input.length < 4096 || input.length > INT32_MAX || output.length > INT32_MAX || inputWords < 4 ||
                    connections == 0 || connections > INT32_MAX / 2 || connectionBytesMax == 0 ||
                    connectionBytesMax > INT32_MAX)) {
    call.failRange("a region is too small or too large");
  }
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  if (!call.ok()) return nullptr;
  regions.input = input.data;
  regions.inputBytes = input.length;
  regions.inputRowsMax = static_cast<int32_t>(inputWords / 4);
  regions.output = output.data;
  regions.outputBytes = output.length;
  regions.outputRowsMax = static_cast<int32_t>(outputWords / 3);
  regions.connectionsMax = static_cast<int32_t>(connections);
  regions.connectionBytesMax = static_cast<uint32_t>(connectionBytesMax);
  regions.queuedBytesMax = static_cast<size_t>(queuedBytesMax);

  auto* object = new ReactorObject(env, regions);
  if (!object->start(loop)) {
    delete object;
    napi_throw_error(env, "NATIVE_UNAVAILABLE", "the epoll descriptor could not be made");
    return nullptr;
  }
  napi_wrap(env, call.receiver(), object, ReactorObject::finalize, nullptr, nullptr);
  napi_create_reference(env, call.receiver(), 1, &object->self_);
  for (int i = 0; i < kReferences - 1; i++) napi_create_reference(env, call.value(i), 1, &object->arrays_[i]);
  napi_create_reference(env, call.value(7), 1, &object->onTurn_);
  napi_value name = nullptr;
  napi_create_string_utf8(env, "emberlog:reactor", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, call.receiver(), name, &object->context_);
  napi_add_async_cleanup_hook(env, ReactorObject::onEnvironmentEnd, object, &object->hook_);
  return call.receiver();
}

// The reactor of a call that is still open, or null with an exception pending.
template <size_t N>
ReactorObject* openReactor(Call<N>& call) {
  auto* object = call.template self<ReactorObject>();
  if (call.ok() && object->stopping_) call.failRange("the reactor is stopped");
  return call.ok() ? object : nullptr;
}

// Reads the slot, the first argument. A slot out of range is a bug of the caller.
template <size_t N>
int32_t slotOf(Call<N>& call, ReactorObject* object) {
  const int32_t slot = call.int32(0);
  if (call.ok() && !object->reactor_.isSlot(slot)) call.failRange("there is no such slot");
  return slot;
}

// listenTcp(host, port, backlog): index of the listener, or -errno.
napi_value listenTcpCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  auto* object = openReactor(call);
  char host[256];
  call.text(0, host, sizeof(host));
  const int port = call.int32(1);
  const int backlog = call.int32(2);
  if (!call.ok()) return nullptr;
  const int fd = openTcpListener(host, port, backlog);
  if (fd < 0) return call.returnInt32(fd);
  return call.returnInt32(object->reactor_.addListener(fd, ""));
}

// listenUnix(path, mode, backlog): index of the listener, or -errno.
napi_value listenUnixCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  auto* object = openReactor(call);
  char path[256];
  call.text(0, path, sizeof(path));
  const int mode = call.int32(1);
  const int backlog = call.int32(2);
  if (!call.ok()) return nullptr;
  const int fd = openUnixListener(path, mode, backlog);
  if (fd < 0) return call.returnInt32(fd);
  return call.returnInt32(object->reactor_.addListener(fd, path));
}

// listenerPort(index): the port it is bound to, 0 for a unix socket.
napi_value listenerPortCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int index = call.int32(0);
  if (!call.ok()) return nullptr;
  const int fd = object->reactor_.listenerDescriptor(index);
  return call.returnInt32(fd < 0 ? -EBADF : portOf(fd));
}

napi_value closeListenerCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int index = call.int32(0);
  if (call.ok()) object->reactor_.closeListener(index);
  return nullptr;
}

napi_value setKeepAliveCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int seconds = call.int32(0);
  if (call.ok()) object->reactor_.setKeepAlive(seconds);
  return nullptr;
}

// send(slot, array, offset, length)
napi_value sendCall(napi_env env, napi_callback_info info) {
  Call<4> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  const int32_t slot = slotOf(call, object);
  const Bytes bytes = call.range(1);
  if (!call.ok()) return nullptr;
  object->reactor_.send(slot, bytes.data, bytes.length);
  object->schedule();
  return nullptr;
}

// flush(rows): sends the first rows of the output table now.
napi_value flushCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int32_t rows = call.int32(0);
  if (!call.ok()) return nullptr;
  if (!object->reactor_.sendRows(rows)) call.failRange("an output row lies outside of the region");
  object->schedule();
  return nullptr;
}

// close(slot, afterFlush)
napi_value closeCall(napi_env env, napi_callback_info info) {
  Call<2> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  const int32_t slot = slotOf(call, object);
  const bool afterFlush = call.boolean(1);
  if (!call.ok()) return nullptr;
  object->reactor_.close(slot, afterFlush);
  object->schedule();
  return nullptr;
}

template <void (Reactor::*method)(int32_t)>
napi_value slotCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  const int32_t slot = slotOf(call, object);
  if (!call.ok()) return nullptr;
  (object->reactor_.*method)(slot);
  object->schedule();
  return nullptr;
}

template <bool peer>
napi_value addressCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  const int32_t slot = slotOf(call, object);
  if (!call.ok()) return nullptr;
  char text[256];
  addressText(object->reactor_.connectionDescriptor(slot), peer, text, sizeof(text));
  return call.returnText(text);
}

template <int (Reactor::*method)(int32_t) const>
napi_value numberCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  const int32_t slot = slotOf(call, object);
  if (!call.ok()) return nullptr;
  return call.returnInt32((object->reactor_.*method)(slot));
}

// attachLog(logThreads or null)
napi_value attachLogCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  if (object == nullptr) return nullptr;
  object->detachLog();
  napi_valuetype type = napi_undefined;
  napi_typeof(env, call.value(0), &type);
  if (type == napi_null || type == napi_undefined) return nullptr;
  LogObject* log = logObjectOf(env, call.value(0));
  if (log == nullptr) {
    call.fail("a LogThreads object is expected");
    return nullptr;
  }
  const int result = object->reactor_.watchLog(logDescriptor(log));
  if (result != 0) return call.returnInt32(result);
  logWatchOneself(log, false);
  object->log_ = log;
  napi_create_reference(env, call.value(0), 1, &object->logReference_);
  return call.returnInt32(0);
}

// wake(flags): a turn is to come although no connection is ready; its first row has slot -1 and these flags.
napi_value wakeCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int32_t flags = call.int32(0);
  if (!call.ok()) return nullptr;
  object->reactor_.wake(static_cast<uint32_t>(flags));
  object->schedule();
  return nullptr;
}

// wakeAfter(us): as wake(kWoken), in so many microseconds.
napi_value wakeAfterCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  auto* object = openReactor(call);
  const int32_t us = call.int32(0);
  if (!call.ok()) return nullptr;
  if (us < 0) {
    call.failRange("a time lies ahead");
    return nullptr;
  }
  object->reactor_.wakeAfter(static_cast<uint32_t>(us));
  return nullptr;
}

// acceptError(): errno of the last failed accept, 0 when the last one went well.
napi_value acceptErrorCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  auto* object = openReactor(call);
  if (!call.ok()) return nullptr;
  return call.returnInt32(object->reactor_.acceptError());
}

napi_value stopCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  auto* object = call.self<ReactorObject>();
  if (call.ok()) object->stop();
  return nullptr;
}

}  // namespace

void exportReactor(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      EMBERLOG_METHOD("listenTcp", listenTcpCall),
      EMBERLOG_METHOD("listenUnix", listenUnixCall),
      EMBERLOG_METHOD("listenerPort", listenerPortCall),
      EMBERLOG_METHOD("closeListener", closeListenerCall),
      EMBERLOG_METHOD("setKeepAlive", setKeepAliveCall),
      EMBERLOG_METHOD("send", sendCall),
      EMBERLOG_METHOD("flush", flushCall),
      EMBERLOG_METHOD("close", closeCall),
      EMBERLOG_METHOD("release", slotCall<&Reactor::release>),
      EMBERLOG_METHOD("pauseReading", slotCall<&Reactor::pauseReading>),
      EMBERLOG_METHOD("resumeReading", slotCall<&Reactor::resumeReading>),
      EMBERLOG_METHOD("peerAddress", addressCall<true>),
      EMBERLOG_METHOD("localAddress", addressCall<false>),
      EMBERLOG_METHOD("descriptor", numberCall<&Reactor::connectionDescriptor>),
      EMBERLOG_METHOD("listenerOf", numberCall<&Reactor::connectionListener>),
      EMBERLOG_METHOD("attachLog", attachLogCall),
      EMBERLOG_METHOD("wake", wakeCall),
      EMBERLOG_METHOD("wakeAfter", wakeAfterCall),
      EMBERLOG_METHOD("acceptError", acceptErrorCall),
      EMBERLOG_METHOD("stop", stopCall),
  };
  napi_value constructor = nullptr;
  napi_define_class(env, "Reactor", NAPI_AUTO_LENGTH, construct, nullptr, sizeof(methods) / sizeof(methods[0]), methods,
                    &constructor);
  napi_set_named_property(env, exports, "Reactor", constructor);
}

}  // namespace emberlog
