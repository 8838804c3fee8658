@echo off
rem Starts a name server and a broker in the background; output in ns.log and bk.log.
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
start /B cmd /c ""%~dp0mqnamesrv.cmd" > ns.log 2>&1"
start /B cmd /c ""%~dp0mqbroker.cmd" -n localhost:9876 > bk.log 2>&1"
echo Started name server and broker; see ns.log and bk.log.
