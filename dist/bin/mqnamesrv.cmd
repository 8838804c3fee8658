@echo off
rem The name server. Options: -c FILE, -p, -h, KEY=VALUE...
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
"%FERRITE%" org.apache.rocketmq.namesrv.NamesrvStartup %*
